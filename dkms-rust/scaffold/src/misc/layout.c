// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares the declarations in misc.rs with linux/miscdevice.h, because the Rust bindings of some
 * kernels do not cover this header. Generates no code. If a kernel changes the header, the build
 * fails here.
 */
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/miscdevice.h>
#include <linux/stddef.h>

#define SAYS "does not match src/misc.rs: this kernel changed linux/miscdevice.h"

#define FIELD(field, word)                                                     \
	static_assert(offsetof(struct miscdevice, field) ==                    \
			      (word) * sizeof(void *), #field " " SAYS)

FIELD(minor, 0);
FIELD(name, 1);
FIELD(fops, 2);
FIELD(list, 3);
FIELD(parent, 5);
FIELD(this_device, 6);
FIELD(groups, 7);
FIELD(nodename, 8);
FIELD(mode, 9);
static_assert(sizeof(struct miscdevice) == 10 * sizeof(void *),
	      "struct miscdevice " SAYS);
static_assert(MISC_DYNAMIC_MINOR == 255, "MISC_DYNAMIC_MINOR " SAYS);

typedef int register_fn(struct miscdevice *);
typedef void deregister_fn(struct miscdevice *);

static_assert(__same_type(misc_register, register_fn), "misc_register " SAYS);
static_assert(__same_type(misc_deregister, deregister_fn),
	      "misc_deregister " SAYS);
