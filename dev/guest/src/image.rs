// SPDX-License-Identifier: GPL-2.0-only

//! A module's file: the information in it, and a copy of the module under another name.

use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use object::Object as _;
use object::ObjectSection as _;

/// The mark that ends a signed module; the signature comes before it.
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// The size of `struct module_signature`, which comes before the mark. Its last field is the
/// signature's length, big endian.
const SIGNATURE_HEADER: usize = 12;

/// The bytes of a module's file.
pub struct Image(Vec<u8>);

impl Image {
    /// Reads the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self(bytes))
    }

    /// Returns the values that `modinfo -F key` prints.
    pub fn information(&self, key: &str) -> anyhow::Result<Vec<String>> {
        let range = self.section(".modinfo")?;
        let prefix = format!("{key}=");
        Ok(self.0[range]
            .split(|byte| *byte == 0)
            .map(String::from_utf8_lossy)
            .filter_map(|entry| entry.strip_prefix(&prefix).map(str::to_owned))
            .collect())
    }

    /// Returns a copy of the module under another name of the same length, so that both can be
    /// loaded.
    ///
    /// The copy has no signature: it would no longer match, and a wrong signature is worse than
    /// none.
    pub fn renamed(&self, from: &str, to: &str) -> anyhow::Result<Vec<u8>> {
        ensure!(from.len() == to.len(), "{from} and {to} differ in length");
        let mut copy = self.0.clone();
        for (section, before) in [(".gnu.linkonce.this_module", ""), (".modinfo", "name=")] {
            let range = self.section(section)?;
            let wanted = format!("{before}{from}\0");
            let found = find(&self.0[range.clone()], wanted.as_bytes())
                .with_context(|| format!("{section} does not hold the name {from}"))?;
            let start = range.start + found + before.len();
            copy[start..start + to.len()].copy_from_slice(to.as_bytes());
        }
        copy.truncate(unsigned_length(&copy)?);
        Ok(copy)
    }

    /// Returns the range of a section in the file.
    fn section(&self, name: &str) -> anyhow::Result<Range<usize>> {
        let file = object::File::parse(&*self.0).context("the module is no ELF file")?;
        let Some((start, length)) = file
            .section_by_name(name)
            .and_then(|section| section.file_range())
        else {
            bail!("the module has no section {name}");
        };
        let (start, end) = (usize::try_from(start)?, usize::try_from(start + length)?);
        ensure!(
            end <= self.0.len(),
            "section {name} ends outside of the file"
        );
        Ok(start..end)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Returns the length of the file without its signature.
fn unsigned_length(file: &[u8]) -> anyhow::Result<usize> {
    let Some(body) = file.strip_suffix(SIGNED) else {
        return Ok(file.len());
    };
    let header = body
        .len()
        .checked_sub(SIGNATURE_HEADER)
        .context("signed, but too short")?;
    let length: [u8; 4] = body[body.len() - 4..].try_into()?;
    header
        .checked_sub(u32::from_be_bytes(length) as usize)
        .context("the signature is longer than the module")
}

#[cfg(test)]
mod tests {
    use object::write;

    use super::*;

    /// Builds the parts of a module that the code here reads.
    fn module() -> Vec<u8> {
        let mut file = write::Object::new(
            object::BinaryFormat::Elf,
            object::Architecture::X86_64,
            object::Endianness::Little,
        );
        for (name, content) in [
            (
                ".modinfo",
                &b"license=GPL\0author=a\0author=b\0name=procDriver\0"[..],
            ),
            (".gnu.linkonce.this_module", b"\0\0\0\0procDriver\0\0\0\0"),
        ] {
            let kind = object::SectionKind::Data;
            let id = file.add_section(Vec::new(), name.into(), kind);
            file.append_section_data(id, content, 1);
        }
        file.write().unwrap()
    }

    #[test]
    fn information_has_each_value_of_a_key() {
        let image = Image(module());
        assert_eq!(image.information("author").unwrap(), ["a", "b"]);
        assert!(image.information("lic").unwrap().is_empty());
    }

    #[test]
    fn a_renamed_copy_differs_in_the_two_names_only() {
        let image = Image(module());
        let copy = image.renamed("procDriver", "procDrivez").unwrap();
        let changed: Vec<_> = (0..copy.len())
            .filter(|&place| copy[place] != image.0[place])
            .collect();
        assert_eq!(copy.len(), image.0.len());
        assert_eq!(changed.len(), 2);
        assert!(changed.iter().all(|&place| copy[place] == b'z'));
    }

    #[test]
    fn a_renamed_copy_has_no_signature() {
        let plain = module();
        let mut signed = plain.clone();
        signed.extend(b"signature");
        signed.extend([0; 8]);
        signed.extend(9u32.to_be_bytes());
        signed.extend(SIGNED);
        let copy = Image(signed).renamed("procDriver", "procDrivez").unwrap();
        assert_eq!(copy.len(), plain.len());
    }

    #[test]
    fn a_file_without_the_name_is_refused_with_the_reason() {
        let error = Image(module())
            .renamed("otherName1", "otherName2")
            .unwrap_err();
        assert!(error.to_string().contains("otherName1"), "{error}");
        assert!(Image(b"no module".to_vec()).information("version").is_err());
    }
}
