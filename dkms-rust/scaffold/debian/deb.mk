# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the Debian package with dpkg alone. The package contains only source, so it has
# Architecture: all and nothing is compiled. This file is not part of the package.

package = @NAME@-dkms
version := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
stage = build/$(package)
doc = $(stage)/usr/share/doc/$(package)
source = $(stage)/usr/src/@NAME@-$(version)
# The files from which the module is built on the users' machines.
files = dkms.conf Kbuild Makefile $(shell find src -name '*.rs' -o -name '*.[chS]')

.PHONY: deb
deb: ## Build the Debian package into build/
	@test "$$(dpkg-parsechangelog -S Version)" = "$(version)" || \
		{ echo "dkms.conf has version $(version), debian/changelog another" >&2; exit 1; }
	rm -rf $(stage)
	umask 022 && for file in $(files); do \
		install -D -m $$(test -x $$file && echo 755 || echo 644) $$file $(source)/$$file; done
	umask 022 && install -D -m 644 -t $(stage)/usr/lib/modules-load.d debian/@NAME@.conf
	umask 022 && install -D -m 644 -t $(doc) debian/changelog debian/copyright
	gzip -9n $(doc)/changelog
	umask 022 && install -D -m 644 debian/$(package).lintian-overrides \
		$(stage)/usr/share/lintian/overrides/$(package)
	umask 022 && for script in postinst prerm postrm; do \
		install -D -m 755 debian/$(package).$$script $(stage)/DEBIAN/$$script; done
	cd $(stage) && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums
	dpkg-gencontrol -p$(package) -P$(stage) -fbuild/files
	SOURCE_DATE_EPOCH=$$(dpkg-parsechangelog -S Timestamp) \
		dpkg-deb --root-owner-group --build $(stage) build
