// SPDX-License-Identifier: GPL-2.0-only
/* single_open() and seq_file, the usual way to write an entry. The message never changes. */
#include "peer.h"
#include <linux/seq_file.h>

MODULE_DESCRIPTION("A file in /proc that says Hello, by seq_file");

static unsigned int length = sizeof(PEER_GREETING) - 1;
module_param(length, uint, 0444);
MODULE_PARM_DESC(length, "how many bytes it says");

static struct proc_dir_entry *dir;
static char *message;

static int seqfile_show(struct seq_file *seq, void *unused)
{
	/* If this does not fit, seq_file calls it again with a larger buffer. */
	seq_write(seq, message, length);
	return 0;
}

static int __init seqfile_init(void)
{
	int error = -ENOMEM;

	message = peer_message(length);
	if (!message)
		return error;
	dir = proc_mkdir("1999_seqf", NULL);
	if (!dir) {
		error = -EBUSY;
		goto free;
	}
	if (!proc_create_single(PEER_ENTRY, 0444, dir, seqfile_show))
		goto remove;
	return 0;
remove:
	proc_remove(dir);
free:
	kfree(message);
	return error;
}

static void __exit seqfile_exit(void)
{
	proc_remove(dir);
	kfree(message);
}

module_init(seqfile_init);
module_exit(seqfile_exit);
