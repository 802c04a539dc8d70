/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the peers have in common: an entry with the driver's name, in a directory of /proc whose
 * name is as long as that of the driver's directory, so that the lookup costs the same.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

#define PEER_ENTRY "mydrive"
#define PEER_GREETING "Hello\n"

MODULE_LICENSE("GPL");
MODULE_AUTHOR("procdriver maintainers");
MODULE_VERSION("1");

/* Allocates a message that does not change: the greeting, repeated up to this length. */
static inline char *peer_message(unsigned int length)
{
	char *text = kmalloc(length, GFP_KERNEL);
	unsigned int i;

	for (i = 0; text && i < length; i++)
		text[i] = PEER_GREETING[i % strlen(PEER_GREETING)];
	return text;
}
