//! The items of a HEIF file: what they are, where their bytes lie, and what refers to what.
//!
//! References: ISO/IEC 14496-12:2022, section 8.11 (`meta` and what is in it), and ISO/IEC
//! 23008-12:2022, section 9.3 (`iprp`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::boxes::{Boxes, Fields};
use super::fault::{Fault, damaged, not_supported};
use super::properties::Property;

/// A file's items.
#[derive(Debug)]
pub struct Items<'a> {
    file: &'a [u8],
    data: &'a [u8],
    by_number: BTreeMap<u32, Item>,
    references: Vec<Reference>,
    properties: Vec<Property<'a>>,
    /// The number of the item that is shown.
    pub primary: u32,
}

#[derive(Debug, Default)]
struct Item {
    kind: [u8; 4],
    is_protected: bool,
    /// Where its bytes lie: in the file, or in the box `idat`.
    within: u8,
    extents: Vec<(u64, u64)>,
    /// Which of the properties it has, and whether one must know them, in their order.
    has: Vec<(u16, bool)>,
}

#[derive(Debug)]
struct Reference {
    kind: [u8; 4],
    from: u32,
    to: Vec<u32>,
}

impl<'a> Items<'a> {
    /// The items of a whole file.
    pub fn of(file: &'a [u8]) -> Result<Self, Fault> {
        let meta = Boxes(file).find_named(*b"meta");
        let mut meta = Fields(meta.ok_or_else(|| damaged("it has no list of pictures"))?);
        meta.version()?;
        let boxes = Boxes(meta.0);
        let needed = |name: &[u8; 4]| {
            let found = boxes.find_named(*name);
            let why = || damaged(format!("its box {} is missing", letters(*name)));
            found.map(Fields).ok_or_else(why)
        };
        let mut primary = needed(b"pitm")?;
        let wide = primary.version()?.0 > 0;
        let mut found = Self {
            file,
            data: boxes.find_named(*b"idat").unwrap_or_default(),
            by_number: BTreeMap::new(),
            references: Vec::new(),
            properties: Vec::new(),
            primary: primary.short(if wide { 4 } else { 2 })?,
        };
        found.read_kinds(needed(b"iinf")?)?;
        found.read_places(needed(b"iloc")?)?;
        if let Some(references) = boxes.find_named(*b"iref") {
            found.read_references(Fields(references))?;
        }
        if let Some(properties) = boxes.find_named(*b"iprp") {
            found.read_properties(properties)?;
        }
        Ok(found)
    }

    fn read_kinds(&mut self, mut fields: Fields) -> Result<(), Fault> {
        let wide = fields.version()?.0 > 0;
        fields.number(if wide { 4 } else { 2 })?;
        for (name, content) in Boxes(fields.0) {
            let mut fields = Fields(content);
            let (version, _) = fields.version()?;
            if name != *b"infe" || version < 2 {
                continue;
            }
            let number = fields.short(if version == 2 { 2 } else { 4 })?;
            let item = self.by_number.entry(number).or_default();
            item.is_protected = fields.short(2)? != 0;
            item.kind.copy_from_slice(fields.take(4)?);
        }
        Ok(())
    }

    fn read_places(&mut self, mut fields: Fields) -> Result<(), Fault> {
        let (version, _) = fields.version()?;
        let sizes = fields.short(2)?;
        let of = |shift: u32| (sizes >> shift & 15) as usize;
        let (of_offset, of_length, of_base) = (of(12), of(8), of(4));
        let of_index = if version == 0 { 0 } else { of(0) };
        let of_number = if version < 2 { 2 } else { 4 };
        for _ in 0..fields.short(of_number)? {
            let number = fields.short(of_number)?;
            let within = if version == 0 {
                0
            } else {
                fields.short(2)? & 15
            };
            let elsewhere = fields.short(2)? != 0;
            let base = fields.number(of_base.min(8))?;
            let mut extents = Vec::new();
            for _ in 0..fields.short(2)? {
                fields.number(of_index.min(8))?;
                let offset = fields.number(of_offset.min(8))?;
                let length = fields.number(of_length.min(8))?;
                extents.push((base.saturating_add(offset), length));
            }
            if let Some(item) = self.by_number.get_mut(&number) {
                // In another file, or in other items: seen when its bytes are asked for.
                item.within = if elsewhere { u8::MAX } else { within as u8 };
                item.extents = extents;
            }
        }
        Ok(())
    }

    fn read_references(&mut self, mut fields: Fields) -> Result<(), Fault> {
        let of_number = if fields.version()?.0 == 0 { 2 } else { 4 };
        for (kind, content) in Boxes(fields.0) {
            let mut fields = Fields(content);
            let from = fields.short(of_number)?;
            let count = fields.short(2)?;
            let to: Result<Vec<_>, _> = (0..count).map(|_| fields.short(of_number)).collect();
            let to = to?;
            self.references.push(Reference { kind, from, to });
        }
        Ok(())
    }

    fn read_properties(&mut self, content: &'a [u8]) -> Result<(), Fault> {
        let all = Boxes(content).find_named(*b"ipco").unwrap_or_default();
        for (name, content) in Boxes(all) {
            self.properties.push(Property::of(name, content)?);
        }
        for (name, content) in Boxes(content) {
            if name != *b"ipma" {
                continue;
            }
            let mut fields = Fields(content);
            let (version, flags) = fields.version()?;
            for _ in 0..fields.short(4)? {
                let number = fields.short(if version == 0 { 2 } else { 4 })?;
                let mut has = Vec::new();
                for _ in 0..fields.short(1)? {
                    let bytes = if flags & 1 == 0 { 1 } else { 2 };
                    let said = fields.short(bytes)?;
                    let must = 1 << (8 * bytes as u32 - 1);
                    has.push(((said & (must - 1)) as u16, said & must != 0));
                }
                if let Some(item) = self.by_number.get_mut(&number) {
                    item.has = has;
                }
            }
        }
        Ok(())
    }

    fn item(&self, number: u32) -> Result<&Item, Fault> {
        let item = self.by_number.get(&number);
        item.ok_or_else(|| damaged(format!("it has no picture {number}")))
    }

    /// Those of this kind.
    pub fn of_kind(&self, kind: [u8; 4]) -> impl Iterator<Item = u32> {
        let items = self.by_number.iter();
        let these = items.filter(move |(_, item)| item.kind == kind);
        these.map(|(number, _)| *number)
    }

    /// Four letters that say what it is.
    pub fn kind(&self, number: u32) -> Result<[u8; 4], Fault> {
        Ok(self.item(number)?.kind)
    }

    /// Its properties, in their order.
    pub fn properties(&self, number: u32) -> Result<Vec<Property<'a>>, Fault> {
        let item = self.item(number)?;
        let mut found = Vec::with_capacity(item.has.len());
        for (index, must) in &item.has {
            // The first is number 1; 0 is none.
            let Some(index) = usize::from(*index).checked_sub(1) else {
                continue;
            };
            let property = self.properties.get(index);
            match property.ok_or_else(|| damaged("a property of it is missing"))? {
                Property::Unknown(name) if *must => {
                    let what = format!("the property {}", letters(*name));
                    return Err(not_supported(what));
                }
                property => found.push(*property),
            }
        }
        Ok(found)
    }

    /// Whether its bytes follow each other.
    pub fn is_in_one_piece(&self, number: u32) -> bool {
        let item = self.by_number.get(&number);
        item.is_some_and(|item| item.extents.len() == 1)
    }

    /// Its bytes.
    pub fn bytes(&self, number: u32) -> Result<Cow<'a, [u8]>, Fault> {
        let item = self.item(number)?;
        if item.is_protected {
            return Err(not_supported("an encrypted picture"));
        }
        let within = match item.within {
            0 => self.file,
            1 => self.data,
            _ => return Err(not_supported("a picture outside of the file")),
        };
        let missing = || damaged("a picture's bytes lie outside of the file");
        let of = |(offset, length): &(u64, u64)| {
            let start = usize::try_from(*offset).ok()?;
            let length = usize::try_from(*length).ok()?;
            let rest = within.get(start..)?;
            // No length is all that there is.
            let end = if length == 0 { rest.len() } else { length };
            rest.get(..end)
        };
        if let [one] = &item.extents[..] {
            return of(one).map(Cow::Borrowed).ok_or_else(missing);
        }
        let mut joined = Vec::new();
        for extent in &item.extents {
            joined.extend_from_slice(of(extent).ok_or_else(missing)?);
            // Some bytes can be said again and again.
            if joined.len() > self.file.len() {
                return Err(damaged("a picture has more bytes than the file"));
            }
        }
        Ok(Cow::Owned(joined))
    }

    /// What an item refers to in this way.
    pub fn refers_to(&self, from: u32, kind: [u8; 4]) -> &[u32] {
        let mut references = self.references.iter();
        let found = references.find(|it| it.from == from && it.kind == kind);
        found.map_or(&[], |reference| &reference.to)
    }

    /// What refers to an item in this way.
    pub fn referred_by(&self, to: u32, kind: [u8; 4]) -> impl Iterator<Item = u32> {
        let references = self.references.iter();
        let these = references.filter(move |it| it.kind == kind && it.to.contains(&to));
        these.map(|reference| reference.from)
    }
}

/// Four letters as text.
pub fn letters(name: [u8; 4]) -> String {
    String::from_utf8_lossy(&name).into_owned()
}
