/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs.h -- the disk under the router's SQLite: in memory, it keeps what is synced apart from what is
 * only written, and fails on demand.  spec/simulation.md#disk.
 */
#ifndef PINF_SIM_VFS_H
#define PINF_SIM_VFS_H

#include "rng.h"

#define SIM_VFS_NAME "pinf-sim"

enum sim_disk_fault {
	SIM_DISK_IO_ERROR,
	SIM_DISK_FULL,
	SIM_DISK_LOST, /* an unsynced write, by a crash */
	SIM_DISK_TORN,
	SIM_DISK_FAULTS
};

struct sim_vfs;

struct sim_vfs_hooks {
	void *ctx;
	/* Every write of a page, log frame or header. */
	void (*wrote)(void *ctx, const char *file, uint64_t offset, struct pinf_span bytes);
	uint64_t (*now_ms)(void *ctx);
};

/* Registers it as SQLite's default, whose generator it seeds: one at a time. */
struct sim_vfs *sim_vfs_new(const struct sim_vfs_hooks *hooks, uint64_t seed);
void sim_vfs_free(struct sim_vfs *vfs);
/* Chances in a thousand that a write or sync fails, and that a write finds the disk full. */
void sim_vfs_faults(struct sim_vfs *vfs, uint32_t io_error, uint32_t full);
/* A dead process writes nothing; until sim_vfs_crash() nothing can be written. */
void sim_vfs_stop(struct sim_vfs *vfs);
/* The power goes: of what was not synced, each write stays, is torn at a sector, or is lost. */
void sim_vfs_crash(struct sim_vfs *vfs);
uint64_t sim_vfs_count(const struct sim_vfs *vfs, enum sim_disk_fault fault);
/* What is on the disk: file number index, empty after the last one. */
struct pinf_span sim_vfs_file(const struct sim_vfs *vfs, size_t index);
/* A file with that content, durable. */
void sim_vfs_put(struct sim_vfs *vfs, const char *name, struct pinf_span content);

#endif
