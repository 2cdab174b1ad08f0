/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demo_search.c -- looks in the demo's files for every 32 bytes of its prompts, as they are and in
 * hex.  Any 31 bytes of a text hold one whole block of 16 that is aligned in the text: so a table
 * of these blocks, asked at each byte of a file, misses no window.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/demo_world.h"
#include "host/system.h"

#define WINDOW       ((size_t)32)
#define BLOCK        ((size_t)16)
#define SHORTEST     ((size_t)8) /* of what is searched for whole: less is there by chance */
#define BUCKET_BITS  22
#define FILE_MAX     ((size_t)128 << 20)
#define NEEDLES_MAX  (DEMO_PROMPTS_MAX + 1)
#define SENTINEL_LEN 64

enum spelling { RAW, HEX, SPELLINGS };

/* A text that is searched for.  in: the last file, by number, in which it was found. */
struct needle {
	const char *name;
	struct pinf_span text;
	size_t in[SPELLINGS];
	size_t found;
};

struct block {
	uint32_t next; /* of the same bucket, by number + 1 */
	uint32_t needle;
	uint32_t at;
};

/* Static, because nftw() has no argument to pass along. */
static struct {
	struct demo *demo;
	struct needle needles[NEEDLES_MAX]; /* the last one is the sentinel */
	size_t count;
	struct block *blocks;
	uint32_t block_count;
	uint32_t *buckets;
	size_t files;
	const char *path; /* of the file that is looked at */
	enum pinf_err err;
} search;

static size_t
bucket_of(const uint8_t *block)
{
	uint64_t halves[2];

	memcpy(halves, block, sizeof halves);
	return (halves[0] * 0x9e3779b97f4a7c15u + halves[1]) * 0xc2b2ae3d27d4eb4fu >>
	       (64 - BUCKET_BITS);
}

/* All one byte, like the zeros of an empty address: no secret, and in many files. */
static bool
is_run(const uint8_t *data, size_t len)
{
	return memcmp(data, data + 1, len - 1) == 0;
}

static void
report(struct needle *needle, enum spelling spelling)
{
	const bool sentinel = needle == &search.needles[search.count - 1];

	if (needle->in[spelling] == search.files)
		return;
	needle->in[spelling] = search.files;
	needle->found++;
	if (!sentinel)
		(void)printf("  FOUND in %s: a part of %s%s\n", search.path, needle->name,
		    spelling == HEX ? ", in hex" : "");
}

/* Whether the block, which is equal at both places, is part of a window that is. */
static bool
is_window(struct pinf_span data, size_t at, struct pinf_span text, size_t text_at)
{
	size_t before = 0, after = BLOCK;

	while (before < BLOCK && before < at && before < text_at &&
	       data.data[at - before - 1] == text.data[text_at - before - 1])
		before++;
	while (after < WINDOW && at + after < data.len && text_at + after < text.len &&
	       data.data[at + after] == text.data[text_at + after])
		after++;
	return before + after >= WINDOW && !is_run(data.data + at - before, before + after);
}

static void
look_for_windows(struct pinf_span data, enum spelling spelling)
{
	for (size_t at = 0; at + BLOCK <= data.len; at++) {
		const uint8_t *here = data.data + at;
		uint32_t next = search.buckets[bucket_of(here)];

		if (next != 0 && at >= BLOCK && at + WINDOW <= data.len &&
		    is_run(here - BLOCK, BLOCK + WINDOW))
			continue; /* No window of interest, and of a run the chain is long. */
		for (; next != 0; next = search.blocks[next - 1].next) {
			const struct block *block = &search.blocks[next - 1];
			struct needle *needle = &search.needles[block->needle];

			if (memcmp(here, needle->text.data + block->at, BLOCK) == 0 &&
			    is_window(data, at, needle->text, block->at))
				report(needle, spelling);
		}
	}
}

static void
look(struct pinf_span data, enum spelling spelling)
{
	look_for_windows(data, spelling);
	for (size_t i = 0; i < search.count; i++) {
		struct needle *needle = &search.needles[i];
		const size_t len = needle->text.len;

		if (len >= WINDOW || len < SHORTEST)
			continue;
		for (size_t at = 0; at + len <= data.len; at++)
			if (memcmp(data.data + at, needle->text.data, len) == 0)
				report(needle, spelling);
	}
}

/* What the data's runs of hex digits spell, from either phase. */
static enum pinf_err
look_in_hex(struct pinf_span data)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	struct pinf_bytes bytes = {0};
	enum pinf_err err = PINF_OK;

	for (size_t at = 0, end; at < data.len && err == PINF_OK; at = end + 1) {
		for (end = at; end < data.len && data.data[end] != '\0' &&
			       strchr(digits, data.data[end]) != NULL;)
			end++;
		if (end - at < 2 * SHORTEST)
			continue;
		err = pinf_bytes_reserve(&bytes, (end - at) / 2);
		for (size_t phase = 0; phase < 2 && err == PINF_OK; phase++) {
			const size_t len = (end - at - phase) / 2;

			err = pinf_unhex(bytes.data, len,
			    (struct pinf_span){data.data + at + phase, 2 * len}, false);
			if (err == PINF_OK)
				look((struct pinf_span){bytes.data, len}, HEX);
		}
	}
	pinf_bytes_free(&bytes);
	return err;
}

static int
look_in_file(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	struct pinf_bytes data = {0};

	(void)status;
	(void)walk;
	if (kind != FTW_F)
		return 0;
	search.path = path;
	search.files++;
	search.err = pinf_file_read(path, FILE_MAX, &data, &search.demo->cli->message);
	if (search.err == PINF_OK)
		look(pinf_span_of(&data), RAW);
	if (search.err == PINF_OK)
		search.err = look_in_hex(pinf_span_of(&data));
	pinf_bytes_free(&data);
	return search.err != PINF_OK;
}

static void
add(const char *name, struct pinf_span text)
{
	const uint32_t number = (uint32_t)search.count;

	search.needles[search.count++] = (struct needle){.name = name, .text = text};
	if (text.len < WINDOW)
		return;
	for (size_t at = 0; at + BLOCK <= text.len; at += BLOCK) {
		uint32_t *bucket = &search.buckets[bucket_of(text.data + at)];

		search.blocks[search.block_count++] = (struct block){*bucket, number, (uint32_t)at};
		*bucket = search.block_count;
	}
}

/* What is to be found, from the sentinel's odd places, raw and in hex. */
static enum pinf_err
plant(const char *path, const uint8_t *sentinel, struct pinf_bytes *message)
{
	uint8_t text[3 * WINDOW + 1];

	memcpy(text, sentinel + 7, WINDOW);
	pinf_hex((char *)text + WINDOW, sentinel + 21, WINDOW);
	return pinf_file_write(path, (struct pinf_span){text, sizeof text - 1}, message);
}

static enum pinf_err
search_all(struct demo *d)
{
	const struct pinf_random random = pinf_random_system();
	char path[PINF_FILE_PATH_MAX + 16];
	uint8_t sentinel[SENTINEL_LEN];
	size_t blocks = SENTINEL_LEN / BLOCK;
	enum pinf_err err = random.fill(random.ctx, sentinel, sizeof sentinel);

	for (size_t i = 0; i < d->prompt_count; i++)
		blocks += d->prompts[i].text.len / BLOCK;
	search.demo = d;
	search.blocks = calloc(blocks, sizeof search.blocks[0]);
	search.buckets = calloc((size_t)1 << BUCKET_BITS, sizeof search.buckets[0]);
	if (search.blocks == NULL || search.buckets == NULL)
		return PINF_E_NO_MEMORY;
	for (size_t i = 0; i < d->prompt_count; i++)
		add(d->prompts[i].file != NULL ? d->prompts[i].file : "a prompt",
		    pinf_span_of(&d->prompts[i].text));
	add("sentinel", (struct pinf_span){sentinel, sizeof sentinel});
	(void)snprintf(path, sizeof path, "%s/sentinel", d->dir);
	if (err == PINF_OK)
		err = plant(path, sentinel, &d->cli->message);
	if (err == PINF_OK && nftw(d->dir, look_in_file, 16, FTW_PHYS) != 0)
		err = search.err != PINF_OK ? search.err : PINF_E_IO;
	(void)unlink(path);
	if (err == PINF_OK && search.needles[search.count - 1].found != SPELLINGS)
		err = pinf_say(&d->cli->message, PINF_E_NOT_FOUND,
		    "pinf demo: its search does not find what was planted in %s", path);
	return err;
}

/* How many times a prompt was found. */
static size_t
tell(void)
{
	size_t found = 0;

	for (size_t i = 0; i + 1 < search.count; i++)
		found += search.needles[i].found;
	(void)printf("\n  A sentinel planted in a file there, as it is and in hex: both found.\n");
	(void)printf("  Any 32 bytes of the prompts, as they are or in hex, in the router's data "
		     "directory and in all logs (%zu files): found %zu times.\n",
	    search.files - 1, found);
	for (size_t i = 0; i + 1 < search.count; i++)
		if (search.needles[i].text.len < SHORTEST)
			(void)printf("  Not searched for, since so little is everywhere: %s.\n",
			    search.needles[i].name);
	return found;
}

enum pinf_err
demo_search(struct demo *d, size_t *found)
{
	const enum pinf_err err = search_all(d);

	if (err == PINF_OK)
		*found = tell();
	free(search.blocks);
	free(search.buckets);
	search.blocks = NULL;
	search.buckets = NULL;
	return err;
}
