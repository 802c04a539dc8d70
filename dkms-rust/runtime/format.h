/* SPDX-License-Identifier: GPL-2.0-only */

/* From the kernel crate. Formats a fmt::Arguments and returns where its whole text would end. */
char *rust_fmt_argument(char *buf, char *end, const void *ptr);

/* printk truncates records at this length, too. */
#define RUST_LINE 1024

/* Formats into text and returns the length, which is at most RUST_LINE. */
static inline int rust_format(char text[RUST_LINE], const void *arguments)
{
	char *end = text + RUST_LINE;

	return min(rust_fmt_argument(text, end, arguments), end) - text;
}
