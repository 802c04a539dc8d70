// SPDX-License-Identifier: GPL-2.0-only

#include <linux/module.h>

#define EXPORT_RUST(name) extern int name; EXPORT_SYMBOL_GPL(name)
#include "exported.h"
