// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does all that the driver does: the message is written like a file, and an open file keeps the
 * message that it has begun to read; splice, sendfile and io_uring; EIO after unloading. With
 * BY_SEQ_FILE (peer_seqfull.c), seq_file does the reading.
 *
 * A message never changes and has a reference count. `lock` protects the pointers to the newest
 * message and to the message that each open file has begun. `writers` is held from reading the old
 * message until the new one replaces it.
 */
#include "peer.h"
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

MODULE_DESCRIPTION("A file in /proc that says Hello or what was written to it, in C");

#define LIMIT 4096

struct message {
	refcount_t users;
	size_t length;
	char text[];
};

#ifdef BY_SEQ_FILE
#define DIRECTORY "1999_snap"
#else
#define DIRECTORY "1999_full"
#endif

static struct proc_dir_entry *dir;
static struct message *newest;
static DEFINE_SPINLOCK(lock);
static DEFINE_MUTEX(writers);

static struct message *message_new(size_t length, gfp_t flags)
{
	struct message *message = kmalloc(sizeof(*message) + length, flags);

	if (message) {
		refcount_set(&message->users, 1);
		message->length = length;
	}
	return message;
}

static struct message *message_get(struct message *message)
{
	refcount_inc(&message->users);
	return message;
}

static void message_put(struct message *message)
{
	if (message && refcount_dec_and_test(&message->users))
		kfree(message);
}

/* Returns where an open file keeps the message that it has begun. */
static struct message **slot(const struct file *file)
{
#ifdef BY_SEQ_FILE
	struct seq_file *seq = file->private_data;

	return (struct message **)&seq->private;
#else
	return (struct message **)&file->private_data;
#endif
}

/* Returns the newest message, with which the open file continues from now on. */
static struct message *message_begin(const struct file *file)
{
	struct message **begun = slot(file);
	struct message *before = NULL;
	struct message *message;

	spin_lock(&lock);
	message = message_get(newest);
	if (*begun != message) {
		before = *begun;
		*begun = message_get(message);
	}
	spin_unlock(&lock);
	message_put(before);
	return message;
}

/* Returns the message that the open file has begun. If there is none, begins the newest. */
static struct message *message_begun(const struct file *file)
{
	struct message *message;

	spin_lock(&lock);
	message = *slot(file);
	if (message)
		message_get(message);
	spin_unlock(&lock);
	return message ?: message_begin(file);
}

#ifdef BY_SEQ_FILE
/* seq_file calls this again if the buffer was too small, and for a read at another offset. */
static int full_show(struct seq_file *seq, void *unused)
{
	struct message *message = message_begun(seq->file);

	seq_write(seq, message->text, message->length);
	message_put(message);
	return 0;
}

static int full_open(struct inode *inode, struct file *file)
{
	int error = single_open(file, full_show, NULL);

	/* seq_file removes this flag from every file. */
	if (!error)
		file->f_mode |= FMODE_PWRITE;
	return error;
}

static ssize_t full_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	/* For a read at offset 0, seq_file calls full_show() again. */
	if (!iocb->ki_pos)
		message_put(message_begin(iocb->ki_filp));
	return seq_read_iter(iocb, to);
}
#else
static ssize_t full_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	loff_t position = iocb->ki_pos;
	struct message *message;
	ssize_t copied = 0;

	message = position ? message_begun(file) : message_begin(file);
	if (position < message->length && iov_iter_count(to)) {
		copied = copy_to_iter(message->text + position,
				      message->length - position, to);
		if (copied)
			iocb->ki_pos = position + copied;
		else
			copied = -EFAULT;
	}
	message_put(message);
	return copied;
}
#endif

/* Returns how many bytes of the message before a write of `count` bytes keeps. */
static ssize_t full_kept(const struct file *file, loff_t position,
			 const struct message *before, size_t count)
{
	size_t kept = position;

	if (READ_ONCE(file->f_flags) & O_APPEND)
		kept = before->length;
	else if (position > before->length)
		return -EINVAL;
	if (count > LIMIT - kept)
		return -EFBIG;
	return kept;
}

static ssize_t full_write(struct file *file, const char __user *from,
			  size_t count, loff_t *position)
{
	struct message *before, *after, *data;
	ssize_t kept;

	if (!count)
		return 0;
	if (count > LIMIT)
		return -EFBIG;
	data = message_new(count, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	/* The process can make this take long, so take the mutex afterwards. */
	if (copy_from_user(data->text, from, count)) {
		kfree(data);
		return -EFAULT;
	}

	mutex_lock(&writers);
	/* Only writers change it, and the mutex makes this the only one. */
	before = newest;
	kept = full_kept(file, *position, before, count);
	after = data;
	if (kept > 0) {
		after = message_new(kept + count, GFP_KERNEL_ACCOUNT);
		if (after) {
			memcpy(after->text, before->text, kept);
			memcpy(after->text + kept, data->text, count);
		}
		kfree(data);
	} else if (kept < 0) {
		kfree(data);
		after = NULL;
	}
	if (after) {
		spin_lock(&lock);
		newest = after;
		spin_unlock(&lock);
	}
	mutex_unlock(&writers);

	if (kept < 0)
		return kept;
	if (!after)
		return -ENOMEM;
	*position = kept + count;
	message_put(before);
	return count;
}

static int full_release(struct inode *inode, struct file *file)
{
	message_put(*slot(file));
#ifdef BY_SEQ_FILE
	return single_release(inode, file);
#else
	return 0;
#endif
}

static const struct proc_ops full_ops = {
#ifdef BY_SEQ_FILE
	.proc_open = full_open,
#endif
	.proc_read_iter = full_read_iter,
	.proc_write = full_write,
	.proc_lseek = no_seek_end_llseek,
	.proc_release = full_release,
};

static int __init full_init(void)
{
	int error = -ENOMEM;

	newest = message_new(strlen(PEER_GREETING), GFP_KERNEL);
	if (!newest)
		return error;
	memcpy(newest->text, PEER_GREETING, newest->length);
	dir = proc_mkdir(DIRECTORY, NULL);
	if (!dir) {
		error = -EBUSY;
		goto put;
	}
	if (!proc_create(PEER_ENTRY, 0644, dir, &full_ops))
		goto remove;
	pr_info("loaded\n");
	return 0;
remove:
	proc_remove(dir);
put:
	message_put(newest);
	return error;
}

static void __exit full_exit(void)
{
	proc_remove(dir);
	message_put(newest);
	pr_info("unloaded\n");
}

module_init(full_init);
module_exit(full_exit);
