/* SPDX-License-Identifier: Apache-2.0 */
/* acl.c -- an open-addressing set of (session, miner), linear probing, at most three quarters full. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/acl.h>

#define SLOTS_MIN 64

/* Two fit a cache line. */
struct slot {
	uint64_t session;
	struct pinf_address miner;
	uint32_t sources; /* 0: free */
};
_Static_assert(sizeof(struct slot) == 32, "the benchmark compares with slots of this size");

struct pinf_acl {
	struct slot *slots;
	size_t mask; /* their number less one: a power of two */
	size_t count;
	uint64_t key[4];
};

/* The 128-bit product, folded: as in wyhash, under secret keys. */
static uint64_t
mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	const wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static size_t
home(const struct pinf_acl *acl, uint64_t session, const struct pinf_address *miner)
{
	uint64_t a, b;
	uint32_t c;

	memcpy(&a, miner->bytes, sizeof a);
	memcpy(&b, miner->bytes + sizeof a, sizeof b);
	memcpy(&c, miner->bytes + sizeof a + sizeof b, sizeof c);
	return mix(a ^ acl->key[0], b ^ acl->key[1]) ^ mix(c ^ acl->key[2], session ^ acl->key[3]);
}

/* Where the pair is, or the free slot where it would go. */
static struct slot *
find(const struct pinf_acl *acl, uint64_t session, const struct pinf_address *miner)
{
	size_t i = home(acl, session, miner) & acl->mask;

	while (acl->slots[i].sources != 0 &&
	       (acl->slots[i].session != session ||
		   memcmp(acl->slots[i].miner.bytes, miner->bytes, sizeof miner->bytes) != 0))
		i = (i + 1) & acl->mask;
	return &acl->slots[i];
}

enum pinf_err
pinf_acl_new(struct pinf_acl **acl, struct pinf_random random)
{
	struct pinf_acl *a = calloc(1, sizeof *a);
	enum pinf_err err = PINF_E_NO_MEMORY;

	if (a != NULL)
		a->slots = calloc(SLOTS_MIN, sizeof *a->slots);
	if (a != NULL && a->slots != NULL)
		err = random.fill(random.ctx, (uint8_t *)a->key, sizeof a->key);
	if (err != PINF_OK) {
		pinf_acl_free(a);
		return err;
	}
	a->mask = SLOTS_MIN - 1;
	*acl = a;
	return PINF_OK;
}

void
pinf_acl_free(struct pinf_acl *acl)
{
	if (acl == NULL)
		return;
	free(acl->slots);
	pinf_wipe(acl, sizeof *acl);
	free(acl);
}

void
pinf_acl_clear(struct pinf_acl *acl)
{
	memset(acl->slots, 0, (acl->mask + 1) * sizeof *acl->slots);
	acl->count = 0;
}

static enum pinf_err
grow(struct pinf_acl *acl)
{
	struct pinf_acl twice = *acl;

	twice.mask = 2 * acl->mask + 1;
	twice.slots = calloc(twice.mask + 1, sizeof *twice.slots);
	if (twice.slots == NULL)
		return PINF_E_NO_MEMORY;
	for (size_t i = 0; i <= acl->mask; i++)
		if (acl->slots[i].sources != 0)
			*find(&twice, acl->slots[i].session, &acl->slots[i].miner) = acl->slots[i];
	free(acl->slots);
	*acl = twice;
	return PINF_OK;
}

enum pinf_err
pinf_acl_add(struct pinf_acl *acl, const struct pinf_member *member)
{
	struct slot *slot;

	assert(member->task == 0);
	if (acl->count >= acl->mask / 4 * 3) {
		const enum pinf_err err = grow(acl);

		if (err != PINF_OK)
			return err;
	}
	slot = find(acl, member->session, &member->miner);
	acl->count += slot->sources == 0;
	slot->session = member->session;
	slot->miner = member->miner;
	slot->sources |= 1u << member->source;
	return PINF_OK;
}

/* Frees a slot and closes the gap: whoever was pushed past it by probing moves back. */
static void
vacate(struct pinf_acl *acl, size_t gap)
{
	for (size_t i = (gap + 1) & acl->mask; acl->slots[i].sources != 0;
	     i = (i + 1) & acl->mask) {
		const size_t at =
		    home(acl, acl->slots[i].session, &acl->slots[i].miner) & acl->mask;

		if (((i - at) & acl->mask) >= ((i - gap) & acl->mask)) {
			acl->slots[gap] = acl->slots[i];
			gap = i;
		}
	}
	acl->slots[gap] = (struct slot){0};
	acl->count--;
}

void
pinf_acl_remove(struct pinf_acl *acl, const struct pinf_member *member)
{
	struct slot *slot = find(acl, member->session, &member->miner);

	if (slot->sources == 0)
		return;
	slot->sources &= ~(1u << member->source);
	if (slot->sources == 0)
		vacate(acl, (size_t)(slot - acl->slots));
}

unsigned
pinf_acl_sources(const struct pinf_acl *acl, uint64_t session, const struct pinf_address *miner)
{
	return find(acl, session, miner)->sources;
}

size_t
pinf_acl_count(const struct pinf_acl *acl)
{
	return acl->count;
}
