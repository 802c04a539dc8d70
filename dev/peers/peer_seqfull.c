// SPDX-License-Identifier: GPL-2.0-only
/* peer_full.c with its reading left to seq_file, which copies the message into a buffer first. */
#define BY_SEQ_FILE
#include "peer_full.c"
