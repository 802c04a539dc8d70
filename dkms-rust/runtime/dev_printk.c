// SPDX-License-Identifier: GPL-2.0-only
/* For dev_info!() and similar macros; see printk.c. */

#include <linux/dev_printk.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "format.h"

void __real__dev_printk(const char *level, const struct device *dev, const char *fmt, ...);
void __wrap__dev_printk(const char *level, const struct device *dev, const char *fmt, ...);

void __wrap__dev_printk(const char *level, const struct device *dev, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!strcmp(fmt, "%pA")) {
		char text[RUST_LINE];
		int len = rust_format(text, va_arg(args, const void *));

		__real__dev_printk(level, dev, "%.*s", len, text);
	} else {
		struct va_format vaf = { .fmt = fmt, .va = &args };

		__real__dev_printk(level, dev, "%pV", &vaf);
	}
	va_end(args);
}
