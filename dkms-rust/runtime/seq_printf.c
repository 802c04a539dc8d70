// SPDX-License-Identifier: GPL-2.0-only
/* For seq_print!(); see printk.c. Formats into the file's buffer, so texts can have any length. */

#include <linux/minmax.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "format.h"

void __wrap_seq_printf(struct seq_file *m, const char *fmt, ...);

void __wrap_seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!strcmp(fmt, "%pA")) {
		char *buf;
		size_t size = seq_get_buf(m, &buf);
		size_t len = size ? rust_fmt_argument(buf, buf + size, va_arg(args, const void *)) - buf
				  : 0;

		/* Like seq_printf(): a text that does not fit, with a byte to spare, is requested again. */
		seq_commit(m, len < size ? (int)len : -1);
	} else {
		seq_vprintf(m, fmt, args);
	}
	va_end(args);
}
