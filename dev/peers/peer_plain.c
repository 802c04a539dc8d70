// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least code that reads correctly: proc_read and simple_read_from_buffer(), with a message that
 * never changes. No splice, sendfile or io_uring.
 */
#include "peer.h"

MODULE_DESCRIPTION("A file in /proc that says Hello, in C");

static unsigned int length = sizeof(PEER_GREETING) - 1;
module_param(length, uint, 0444);
MODULE_PARM_DESC(length, "how many bytes it says");

static struct proc_dir_entry *dir;
static const char *message = PEER_GREETING;
static char *longer;

static ssize_t plain_read(struct file *file, char __user *to, size_t count,
			  loff_t *position)
{
	return simple_read_from_buffer(to, count, position, message, length);
}

static const struct proc_ops plain_ops = {
	.proc_read = plain_read,
	.proc_lseek = default_llseek,
};

static int __init plain_init(void)
{
	int error = -ENOMEM;

	/* The kernel checks the copy of a constant less than that of allocated memory. */
	if (length > strlen(PEER_GREETING)) {
		longer = peer_message(length);
		if (!longer)
			return error;
		message = longer;
	}
	dir = proc_mkdir("1999_read", NULL);
	if (!dir) {
		error = -EBUSY;
		goto free;
	}
	if (!proc_create(PEER_ENTRY, 0444, dir, &plain_ops))
		goto remove;
	return 0;
remove:
	proc_remove(dir);
free:
	kfree(longer);
	return error;
}

static void __exit plain_exit(void)
{
	proc_remove(dir);
	kfree(longer);
}

module_init(plain_init);
module_exit(plain_exit);
