/* SPDX-License-Identifier: Apache-2.0 */
/* vfs.c -- an SQLite VFS in memory with synced and unsynced state.  spec/simulation.md#disk. */
#include <assert.h>
#include <string.h>

#include <sqlite3.h>

#include "memory.h"
#include "vfs.h"

#define FILES_MAX  8
#define SECTOR_LEN 512
#define NAME_LEN   32
#define UNIX_EPOCH 210866760000000 /* ms from the Julian day's zero, SQLite's clock */

/* A write (or, without bytes, a change of size) that no sync has followed. */
struct unsynced {
	struct pinf_bytes bytes;
	uint64_t offset;
	uint64_t size; /* of the file afterwards */
};

struct image {
	uint8_t *data;
	size_t cap;
	size_t size;
};

struct file {
	char name[NAME_LEN]; /* "": free */
	struct image current; /* what the process reads */
	struct image durable; /* what a crash leaves */
	struct unsynced *log;
	size_t log_count;
	size_t log_cap;
};

struct sim_vfs {
	sqlite3_vfs base;
	struct sim_vfs_hooks hooks;
	struct sim_rng rng;
	struct sim_rng random; /* SQLite's own */
	struct file files[FILES_MAX];
	uint32_t io_error;
	uint32_t full;
	bool stopped;
	uint64_t counts[SIM_DISK_FAULTS];
};

struct handle {
	sqlite3_file base;
	struct sim_vfs *vfs;
	struct file *file;
};

/* A quarter more at a time: two images that double are most of a large world's memory. */
static void
image_resize(struct image *image, size_t size)
{
	if (size > image->cap) {
		image->cap = size + size / 4;
		image->data = sim_need(realloc(image->data, image->cap));
	}
	if (size > image->size)
		memset(image->data + image->size, 0, size - image->size);
	image->size = size;
}

static void
image_write(struct image *image, uint64_t offset, struct pinf_span bytes)
{
	if (offset + bytes.len > image->size)
		image_resize(image, offset + bytes.len);
	if (bytes.len > 0)
		memcpy(image->data + offset, bytes.data, bytes.len);
}

static void
log_clear(struct file *f)
{
	while (f->log_count > 0)
		pinf_bytes_free(&f->log[--f->log_count].bytes);
}

static void
file_free(struct file *f)
{
	log_clear(f);
	free(f->log);
	free(f->current.data);
	free(f->durable.data);
	memset(f, 0, sizeof *f);
}

static struct file *
find(struct sim_vfs *vfs, const char *name)
{
	for (size_t i = 0; i < FILES_MAX; i++)
		if (vfs->files[i].name[0] != '\0' && strcmp(vfs->files[i].name, name) == 0)
			return &vfs->files[i];
	return NULL;
}

static struct file *
create(struct sim_vfs *vfs, const char *name)
{
	for (size_t i = 0; i < FILES_MAX; i++) {
		if (vfs->files[i].name[0] != '\0')
			continue;
		(void)snprintf(vfs->files[i].name, NAME_LEN, "%s", name);
		return &vfs->files[i];
	}
	return NULL;
}

static bool
fails(struct sim_vfs *vfs, uint32_t per_mille, enum sim_disk_fault fault)
{
	if (!sim_rng_hit(&vfs->rng, per_mille))
		return false;
	vfs->counts[fault]++;
	return true;
}

static int
x_close(sqlite3_file *handle)
{
	(void)handle;
	return SQLITE_OK;
}

static int
x_read(sqlite3_file *handle, void *out, int len, sqlite3_int64 offset)
{
	const struct image *image = &((struct handle *)handle)->file->current;
	const uint64_t at = (uint64_t)offset;
	const size_t there = at >= image->size ? 0 : image->size - at;
	const size_t count = there < (size_t)len ? there : (size_t)len;

	if (count > 0)
		memcpy(out, image->data + at, count);
	memset((uint8_t *)out + count, 0, (size_t)len - count);
	return count == (size_t)len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
x_write(sqlite3_file *handle, const void *data, int len, sqlite3_int64 offset)
{
	struct handle *h = (struct handle *)handle;
	struct file *f = h->file;
	const struct pinf_span bytes = {data, (size_t)len};
	struct unsynced *entry;

	if (h->vfs->stopped)
		return SQLITE_IOERR_WRITE;
	if (fails(h->vfs, h->vfs->full, SIM_DISK_FULL))
		return SQLITE_FULL;
	if (fails(h->vfs, h->vfs->io_error, SIM_DISK_IO_ERROR))
		return SQLITE_IOERR_WRITE;
	h->vfs->hooks.wrote(h->vfs->hooks.ctx, f->name, (uint64_t)offset, bytes);
	image_write(&f->current, (uint64_t)offset, bytes);
	f->log = sim_grow(f->log, f->log_count + 1, &f->log_cap, sizeof *f->log);
	entry = &f->log[f->log_count++];
	*entry = (struct unsynced){.offset = (uint64_t)offset, .size = f->current.size};
	sim_append(&entry->bytes, bytes);
	return SQLITE_OK;
}

static int
x_truncate(sqlite3_file *handle, sqlite3_int64 size)
{
	struct handle *h = (struct handle *)handle;
	struct file *f = h->file;

	if (h->vfs->stopped)
		return SQLITE_IOERR_TRUNCATE;
	image_resize(&f->current, (size_t)size);
	f->log = sim_grow(f->log, f->log_count + 1, &f->log_cap, sizeof *f->log);
	f->log[f->log_count++] = (struct unsynced){.size = (uint64_t)size};
	return SQLITE_OK;
}

static void
apply(struct file *f, const struct unsynced *entry, size_t len)
{
	if (entry->bytes.len == 0)
		image_resize(&f->durable, entry->size);
	else
		image_write(&f->durable, entry->offset, (struct pinf_span){entry->bytes.data, len});
}

static int
x_sync(sqlite3_file *handle, int flags)
{
	struct handle *h = (struct handle *)handle;
	struct file *f = h->file;

	(void)flags;
	if (h->vfs->stopped || fails(h->vfs, h->vfs->io_error, SIM_DISK_IO_ERROR))
		return SQLITE_IOERR_FSYNC;
	for (size_t i = 0; i < f->log_count; i++)
		apply(f, &f->log[i], f->log[i].bytes.len);
	log_clear(f);
	return SQLITE_OK;
}

static int
x_file_size(sqlite3_file *handle, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((struct handle *)handle)->file->current.size;
	return SQLITE_OK;
}

static int
x_lock(sqlite3_file *handle, int level)
{
	(void)handle;
	(void)level;
	return SQLITE_OK;
}

static int
x_check_lock(sqlite3_file *handle, int *held)
{
	(void)handle;
	*held = 0;
	return SQLITE_OK;
}

static int
x_control(sqlite3_file *handle, int op, void *arg)
{
	(void)handle;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int
x_sector_size(sqlite3_file *handle)
{
	(void)handle;
	return SECTOR_LEN;
}

static int
x_characteristics(sqlite3_file *handle)
{
	(void)handle;
	return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_lock,
    .xCheckReservedLock = x_check_lock,
    .xFileControl = x_control,
    .xSectorSize = x_sector_size,
    .xDeviceCharacteristics = x_characteristics,
};

static int
x_open(sqlite3_vfs *base, const char *name, sqlite3_file *handle, int flags, int *out_flags)
{
	struct sim_vfs *vfs = (struct sim_vfs *)base;
	struct handle *h = (struct handle *)handle;

	h->base.pMethods = NULL;
	h->vfs = vfs;
	if (name == NULL) /* Temporary files: the store keeps them in memory. */
		return SQLITE_CANTOPEN;
	h->file = find(vfs, name);
	if (h->file == NULL && (flags & SQLITE_OPEN_CREATE) != 0)
		h->file = create(vfs, name);
	if (h->file == NULL)
		return SQLITE_CANTOPEN;
	h->base.pMethods = &methods;
	if (out_flags != NULL)
		*out_flags = flags;
	return SQLITE_OK;
}

static int
x_delete(sqlite3_vfs *base, const char *name, int sync_directory)
{
	struct file *f = find((struct sim_vfs *)base, name);

	(void)sync_directory;
	if (((struct sim_vfs *)base)->stopped)
		return SQLITE_IOERR_DELETE;
	if (f == NULL)
		return SQLITE_IOERR_DELETE_NOENT;
	file_free(f);
	return SQLITE_OK;
}

static int
x_access(sqlite3_vfs *base, const char *name, int flags, int *there)
{
	(void)flags;
	*there = find((struct sim_vfs *)base, name) != NULL;
	return SQLITE_OK;
}

static int
x_full_pathname(sqlite3_vfs *base, const char *name, int len, char *out)
{
	(void)base;
	(void)snprintf(out, (size_t)len, "%s", name);
	return SQLITE_OK;
}

static int
x_randomness(sqlite3_vfs *base, int len, char *out)
{
	const struct pinf_random random = sim_rng_port(&((struct sim_vfs *)base)->random);

	return random.fill(random.ctx, (uint8_t *)out, (size_t)len) == PINF_OK ? len : 0;
}

static int
x_sleep(sqlite3_vfs *base, int microseconds)
{
	(void)base;
	return microseconds;
}

static int
x_current_time(sqlite3_vfs *base, sqlite3_int64 *now)
{
	const struct sim_vfs *vfs = (const struct sim_vfs *)base;

	*now = (sqlite3_int64)vfs->hooks.now_ms(vfs->hooks.ctx) + UNIX_EPOCH;
	return SQLITE_OK;
}

static int
x_last_error(sqlite3_vfs *base, int len, char *text)
{
	(void)base;
	(void)len;
	(void)text;
	return 0;
}

struct sim_vfs *
sim_vfs_new(const struct sim_vfs_hooks *hooks, uint64_t seed)
{
	struct sim_vfs *vfs = sim_new(sizeof *vfs);

	vfs->base = (sqlite3_vfs){
	    .iVersion = 2,
	    .szOsFile = (int)sizeof(struct handle),
	    .mxPathname = NAME_LEN - 1,
	    .zName = SIM_VFS_NAME,
	    .xOpen = x_open,
	    .xDelete = x_delete,
	    .xAccess = x_access,
	    .xFullPathname = x_full_pathname,
	    .xRandomness = x_randomness,
	    .xSleep = x_sleep,
	    .xGetLastError = x_last_error,
	    .xCurrentTimeInt64 = x_current_time,
	};
	vfs->hooks = *hooks;
	vfs->rng = sim_rng_of(seed, "disk", 0);
	vfs->random = sim_rng_of(seed, "sqlite", 0);
	if (sqlite3_vfs_register(&vfs->base, 1) != SQLITE_OK)
		(void)sim_need(NULL);
	sqlite3_randomness(0, NULL);
	return vfs;
}

void
sim_vfs_free(struct sim_vfs *vfs)
{
	if (vfs == NULL)
		return;
	(void)sqlite3_vfs_unregister(&vfs->base);
	for (size_t i = 0; i < FILES_MAX; i++)
		file_free(&vfs->files[i]);
	free(vfs);
}

void
sim_vfs_faults(struct sim_vfs *vfs, uint32_t io_error, uint32_t full)
{
	vfs->io_error = io_error;
	vfs->full = full;
}

void
sim_vfs_stop(struct sim_vfs *vfs)
{
	vfs->stopped = true;
}

void
sim_vfs_crash(struct sim_vfs *vfs)
{
	vfs->stopped = false;
	for (size_t i = 0; i < FILES_MAX; i++) {
		struct file *f = &vfs->files[i];

		for (size_t j = 0; j < f->log_count; j++) {
			const struct unsynced *entry = &f->log[j];
			const uint64_t fate = sim_rng_below(&vfs->rng, 4);
			const size_t sectors = entry->bytes.len / SECTOR_LEN;

			if (fate == 0)
				vfs->counts[SIM_DISK_LOST]++;
			else if (fate == 1 && sectors > 0)
				vfs->counts[SIM_DISK_TORN]++;
			if (fate == 1 && sectors > 0)
				apply(
				    f, entry, SECTOR_LEN * (1 + sim_rng_below(&vfs->rng, sectors)));
			else if (fate > 0)
				apply(f, entry, entry->bytes.len);
		}
		log_clear(f);
		image_resize(&f->current, 0);
		image_write(&f->current, 0, (struct pinf_span){f->durable.data, f->durable.size});
	}
}

uint64_t
sim_vfs_count(const struct sim_vfs *vfs, enum sim_disk_fault fault)
{
	return vfs->counts[fault];
}

struct pinf_span
sim_vfs_file(const struct sim_vfs *vfs, size_t index)
{
	return index >= FILES_MAX ? (struct pinf_span){NULL, 0}
				  : (struct pinf_span){vfs->files[index].current.data,
					vfs->files[index].current.size};
}

void
sim_vfs_put(struct sim_vfs *vfs, const char *name, struct pinf_span content)
{
	struct file *f = sim_need(create(vfs, name));

	image_write(&f->current, 0, content);
	image_write(&f->durable, 0, content);
}
