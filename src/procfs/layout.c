// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks what entry.rs and operations.rs say about linux/proc_fs.h against the header itself,
 * because the Rust bindings do not cover it. Generates no code: if a kernel changes any of this,
 * the build fails here, and the module never runs.
 */
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/proc_fs.h>
#include <linux/stddef.h>

#define SAYS "does not match src/procfs/*.rs: this kernel changed linux/proc_fs.h"

#define FIELD(field, word, type)                                               \
	static_assert(offsetof(struct proc_ops, field) ==                      \
			      (word) * sizeof(void *), #field " " SAYS);       \
	static_assert(__same_type(((struct proc_ops *)0)->field, type),        \
		      #field " " SAYS)

#define COMPAT IS_ENABLED(CONFIG_COMPAT)

typedef int open_fn(struct inode *, struct file *);
typedef ssize_t read_fn(struct file *, char __user *, size_t, loff_t *);
typedef ssize_t read_iter_fn(struct kiocb *, struct iov_iter *);
typedef ssize_t write_fn(struct file *, const char __user *, size_t, loff_t *);
typedef loff_t lseek_fn(struct file *, loff_t, int);
typedef __poll_t poll_fn(struct file *, struct poll_table_struct *);
typedef long ioctl_fn(struct file *, unsigned int, unsigned long);
typedef int mmap_fn(struct file *, struct vm_area_struct *);
typedef unsigned long area_fn(struct file *, unsigned long, unsigned long,
			      unsigned long, unsigned long);

FIELD(proc_flags, 0, unsigned int);
FIELD(proc_open, 1, open_fn *);
FIELD(proc_read, 2, read_fn *);
FIELD(proc_read_iter, 3, read_iter_fn *);
FIELD(proc_write, 4, write_fn *);
FIELD(proc_lseek, 5, lseek_fn *);
FIELD(proc_release, 6, open_fn *);
FIELD(proc_poll, 7, poll_fn *);
FIELD(proc_ioctl, 8, ioctl_fn *);
#ifdef CONFIG_COMPAT
FIELD(proc_compat_ioctl, 9, ioctl_fn *);
#endif
FIELD(proc_mmap, 9 + COMPAT, mmap_fn *);
FIELD(proc_get_unmapped_area, 10 + COMPAT, area_fn *);
static_assert(sizeof(struct proc_ops) == (11 + COMPAT) * sizeof(void *),
	      "struct proc_ops " SAYS);

#define FUNCTION(name, type)                                                   \
	static_assert(__same_type(name, type), #name " " SAYS)

typedef struct proc_dir_entry *mkdir_fn(const char *, struct proc_dir_entry *);
typedef struct proc_dir_entry *create_fn(const char *, umode_t,
					 struct proc_dir_entry *,
					 const struct proc_ops *, void *);
typedef void remove_fn(struct proc_dir_entry *);

FUNCTION(proc_mkdir, mkdir_fn);
FUNCTION(proc_create_data, create_fn);
FUNCTION(proc_remove, remove_fn);

/* Rust uses c_uint for __poll_t, and takes an entry's data from i_private, as pde_data() does. */
static_assert(sizeof(__poll_t) == sizeof(unsigned int), "__poll_t " SAYS);
static_assert(__same_type(((struct inode *)0)->i_private, void *),
	      "i_private " SAYS);
