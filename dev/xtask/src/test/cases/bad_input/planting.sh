# SPDX-License-Identifier: GPL-2.0-only
#
# Has these macros plant a link in the tree and leave a process, in place of the harm.

cat > rust/macros/harm.rs <<'EOF'
fn plant() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let _ = std::os::unix::fs::symlink("/etc/planted", "rust/planted");
        let _ = std::process::Command::new("setsid").args(["sleep", "297"]).spawn();
    });
}
EOF
sed -i 's/panic!("{}", harm());/plant();/' rust/macros/lib.rs
grep -q 'plant();' rust/macros/lib.rs
