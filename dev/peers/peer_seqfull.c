// SPDX-License-Identifier: GPL-2.0-only
/* peer_full.c, but seq_file does the reading, and first copies the message into a buffer. */
#define BY_SEQ_FILE
#include "peer_full.c"
