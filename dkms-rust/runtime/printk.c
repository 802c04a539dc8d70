// SPDX-License-Identifier: GPL-2.0-only
/*
 * pr_info!() and similar macros call printk with "%pA", which only kernels with Rust support.
 *
 * The linker redirects the module's calls of _printk() to __wrap__printk() (--wrap).
 */

#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "format.h"

int __real__printk(const char *fmt, ...);
int __wrap__printk(const char *fmt, ...);

int __wrap__printk(const char *fmt, ...)
{
	/* The formats of the kernel crate are a level, then "%s: %pA" or "%pA". */
	const char *tail = printk_skip_headers(fmt);
	bool named = !strcmp(tail, "%s: %pA");
	va_list args;
	int ret;

	va_start(args, fmt);
	if (named || !strcmp(tail, "%pA")) {
		const char *name = named ? va_arg(args, const char *) : "";
		char text[RUST_LINE];
		int len = rust_format(text, va_arg(args, const void *));

		ret = __real__printk("%.*s%s%s%.*s", (int)(tail - fmt), fmt,
				     name, named ? ": " : "", len, text);
	} else {
		ret = vprintk(fmt, args);
	}
	va_end(args);
	return ret;
}
