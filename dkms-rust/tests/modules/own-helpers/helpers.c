// SPDX-License-Identifier: GPL-2.0-only
/* Functions through which main.rs uses C macros and inline functions. */

#include <linux/mm.h>
#include <linux/types.h>

unsigned long rust_helper_pages_to_bytes(unsigned int pages);
bool rust_helper_is_odd(unsigned int number);

unsigned long rust_helper_pages_to_bytes(unsigned int pages)
{
	return PAGE_ALIGN(pages * PAGE_SIZE);
}

bool rust_helper_is_odd(unsigned int number)
{
	return number % 2;
}
