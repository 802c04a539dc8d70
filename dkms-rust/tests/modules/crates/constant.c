// SPDX-License-Identifier: GPL-2.0-only

int crates_constant(void);

int crates_constant(void)
{
	return 17;
}
