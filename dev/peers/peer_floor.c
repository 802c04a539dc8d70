// SPDX-License-Identifier: GPL-2.0-only
/* The floor: an entry in /proc whose read returns at once. Its cost is that of the kernel alone. */
#include "peer.h"

MODULE_DESCRIPTION("A file in /proc that says nothing");

static struct proc_dir_entry *dir;

static ssize_t floor_read(struct file *file, char __user *to, size_t count,
			  loff_t *position)
{
	return 0;
}

static const struct proc_ops floor_ops = {
	.proc_read = floor_read,
	.proc_lseek = default_llseek,
};

static int __init floor_init(void)
{
	dir = proc_mkdir("1999_zero", NULL);
	if (!dir)
		return -EBUSY;
	if (!proc_create(PEER_ENTRY, 0444, dir, &floor_ops)) {
		proc_remove(dir);
		return -ENOMEM;
	}
	return 0;
}

static void __exit floor_exit(void)
{
	proc_remove(dir);
}

module_init(floor_init);
module_exit(floor_exit);
