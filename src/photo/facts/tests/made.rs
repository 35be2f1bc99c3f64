//! Files that say when and by what they were taken, put together by hand.

use image::RgbImage;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    pub fn two(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    pub fn four(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

/// One directory: tag, type, count and field of each entry.
pub fn directory(order: Order, entries: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let head: &[u8] = if order == Order::Little { b"II" } else { b"MM" };
    let mut bytes = [head, &order.two(42), &order.four(8)].concat();
    bytes.extend(order.two(entries.len() as u16));
    for (tag, kind, count, field) in entries {
        bytes.extend([order.two(*tag), order.two(*kind)].concat());
        bytes.extend(order.four(*count));
        // A short stands at the left of its field.
        match (kind, count) {
            (3, 1) => bytes.extend([order.two(*field as u16), [0; 2]].concat()),
            _ => bytes.extend(order.four(*field)),
        }
    }
    [&bytes[..], &[0; 4]].concat()
}

/// Makes the last entry one that points to the directory below, at `place`.
pub fn point_below(order: Order, chunk: &mut [u8], place: u32) {
    let at = chunk.len() - 16;
    let entry = [&order.two(0x8769)[..], &order.two(4), &order.four(1)].concat();
    chunk[at..at + 8].copy_from_slice(&entry);
    chunk[at + 8..at + 12].copy_from_slice(&order.four(place));
}

/// A value: a number, or text that stands behind the directories.
enum Value<'a> {
    Short(u16),
    Long(u32),
    Text(&'a str),
}

/// A first directory and one of Exif below it, with their texts, and so many bytes behind them.
fn container(
    order: Order,
    first: &[(u16, Value)],
    exif: &[(u16, Value)],
    behind: &[u8],
) -> Vec<u8> {
    // The first directory has one entry more, which points to the other.
    let below = 8 + 2 + 12 * (first.len() + 1) + 4;
    let texts = below + 2 + 12 * exif.len() + 4;
    let mut text = Vec::new();
    let mut entries = |tags: &[(u16, Value)]| -> Vec<(u16, u16, u32, u32)> {
        let entry = |(tag, value): &(u16, Value)| match value {
            Value::Short(number) => (*tag, 3, 1, u32::from(*number)),
            Value::Long(number) => (*tag, 4, 1, *number),
            Value::Text(said) if said.len() < 4 => {
                let mut field = [0; 4];
                field[..said.len()].copy_from_slice(said.as_bytes());
                let field = match order {
                    Order::Little => u32::from_le_bytes(field),
                    Order::Big => u32::from_be_bytes(field),
                };
                (*tag, 2, said.len() as u32 + 1, field)
            }
            Value::Text(said) => {
                let place = texts + text.len();
                text.extend([said.as_bytes(), b"\0"].concat());
                (*tag, 2, said.len() as u32 + 1, place as u32)
            }
        };
        tags.iter().map(entry).collect()
    };
    let (mut first, exif) = (entries(first), entries(exif));
    first.push((0x8769, 4, 1, below as u32));
    let mut bytes = directory(order, &first);
    bytes.extend(&directory(order, &exif)[8..]);
    bytes.extend(&text);
    assert!(behind.is_empty() || bytes.len() <= BEHIND);
    if !behind.is_empty() {
        bytes.resize(BEHIND, 0);
    }
    [&bytes[..], behind].concat()
}

/// Where what stands behind the directories begins.
const BEHIND: usize = 512;

const IN_EXIF: [(u16, Value); 4] = [
    (0x9003, Value::Text("2019:07:14 18:05:09")),
    (0x9004, Value::Text("2019:07:15 00:00:00")),
    (0x9011, Value::Text("+02:00")),
    (0x9291, Value::Text("25")),
];

fn in_first(orientation: u16) -> [(u16, Value<'static>); 4] {
    [
        (0x010F, Value::Text("Canon")),
        (0x0110, Value::Text("Canon EOS 5D  ")),
        (0x0112, Value::Short(orientation)),
        (0x0132, Value::Text("2020:01:01 00:00:00")),
    ]
}

/// An Exif chunk that says all.
pub fn exif(order: Order, orientation: u16) -> Vec<u8> {
    container(order, &in_first(orientation), &IN_EXIF, &[])
}

/// One that says nothing but the orientation.
pub fn orientation(order: Order, orientation: u16) -> Vec<u8> {
    container(order, &[(0x0112, Value::Short(orientation))], &[], &[])
}

/// One of dates: of the taking, of the digitizing, of the file.
pub fn dates(order: Order, [original, digitized, changed]: [&str; 3]) -> Vec<u8> {
    let exif = [
        (0x9003, Value::Text(original)),
        (0x9004, Value::Text(digitized)),
    ];
    container(order, &[(0x0132, Value::Text(changed))], &exif, &[])
}

/// A TIFF that says all.
pub fn tiff(order: Order, orientation: u16, picture: &RgbImage) -> Vec<u8> {
    let mut tags = vec![
        (0x0100, Value::Long(picture.width())),
        (0x0101, Value::Long(picture.height())),
        (0x0102, Value::Short(8)),
        (0x0103, Value::Short(1)),
        (0x0106, Value::Short(2)),
        (0x0111, Value::Long(BEHIND as u32)),
        (0x0115, Value::Short(3)),
        (0x0116, Value::Long(picture.height())),
        (0x0117, Value::Long(picture.as_raw().len() as u32)),
    ];
    tags.extend(in_first(orientation));
    container(order, &tags, &IN_EXIF, picture.as_raw())
}

/// A camera file that says all, with a JPEG that says nothing.
pub fn camera(order: Order, orientation: u16, jpeg: &[u8]) -> Vec<u8> {
    let mut tags = vec![
        (0x0106, Value::Short(32_803)),
        (0x0201, Value::Long(BEHIND as u32)),
        (0x0202, Value::Long(jpeg.len() as u32)),
    ];
    tags.extend(in_first(orientation));
    container(order, &tags, &IN_EXIF, jpeg)
}

/// A JPEG with an APP1 segment.
pub fn segment(jpeg: &[u8], content: &[u8]) -> Vec<u8> {
    let len = (content.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &len, content, &jpeg[2..]].concat()
}

/// A PNG with a chunk before its end.
pub fn chunk(png: &[u8], name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let (before, end) = png.split_at(png.len() - 12);
    let len = (content.len() as u32).to_be_bytes();
    // Nobody asks the checksum.
    [before, &len, &name, content, &[0; 4], end].concat()
}

/// A document of Photoshop's that says all.
pub fn psd(chunk: &[u8], picture: &RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
    let head = [
        &b"8BPS\0\x01\0\0\0\0\0\0\0\x03"[..],
        &size,
        b"\0\x08\0\x03\0\0\0\0",
    ];
    let len = (chunk.len() as u32).to_be_bytes();
    let filled = vec![0; chunk.len() % 2];
    let resource = [&b"8BIM\x04\x22\0\0"[..], &len, chunk, &filled].concat();
    let len = (resource.len() as u32).to_be_bytes();
    let mut bytes = [&head.concat()[..], &len, &resource, &[0; 4], &[0; 2]].concat();
    for channel in 0..3 {
        bytes.extend(picture.pixels().map(|pixel| pixel[channel]));
    }
    bytes
}

pub mod with_exif {
    pub fn jpeg(jpeg: &[u8], chunk: &[u8]) -> Vec<u8> {
        super::segment(jpeg, &[b"Exif\0\0", chunk].concat())
    }

    pub fn png(png: &[u8], chunk: &[u8]) -> Vec<u8> {
        super::chunk(png, *b"eXIf", chunk)
    }

    /// In the extended container, which says in its flags what follows.
    pub fn webp(webp: &[u8], (width, height): (u32, u32), exif: &[u8]) -> Vec<u8> {
        let chunk = |name: &[u8; 4], content: &[u8]| {
            let len = (content.len() as u32).to_le_bytes();
            let filled = content.len() % 2;
            [name, &len, content, &[0][..filled]].concat()
        };
        let side = |side: u32| (side - 1).to_le_bytes();
        let (width, height) = (side(width), side(height));
        let flags = [&[0x08, 0, 0, 0][..], &width[..3], &height[..3]].concat();
        let content = [
            &b"WEBP"[..],
            &chunk(b"VP8X", &flags),
            &webp[12..],
            &chunk(b"EXIF", exif),
        ];
        chunk(b"RIFF", &content.concat())
    }

    /// Behind the box of the file's type.
    pub fn jxl(jxl: &[u8], chunk: &[u8]) -> Vec<u8> {
        let (before, behind) = jxl.split_at(32);
        let len = (12 + chunk.len() as u32).to_be_bytes();
        [before, &len, b"Exif\0\0\0\0", chunk, behind].concat()
    }

    /// As item 9 of a file of `data/formats/`: its list is written anew at its end, so that what it tells
    /// of stays in its place.
    pub fn heif(file: &[u8], chunk: &[u8]) -> Vec<u8> {
        let at = memchr::memmem::find(file, b"meta").unwrap();
        let len = u32::from_be_bytes(*file[at - 4..].first_chunk().unwrap()) as usize;
        let (mut old, mut rest) = (file.to_vec(), &file[at + 8..at - 4 + len]);
        old[at..at + 4].copy_from_slice(b"free");
        let item = [&b"\0\0\0\x06Exif\0\0"[..], chunk].concat();
        let place = (old.len() as u32 + 8).to_be_bytes();
        old.extend(boxed(*b"mdat", &item));
        let mut list = vec![0; 4];
        while let Some((head, _)) = rest.split_first_chunk::<8>() {
            let len = u32::from_be_bytes(*head.first_chunk().unwrap()) as usize;
            let mut content = rest[8..len].to_vec();
            let name = *head.last_chunk::<4>().unwrap();
            match &name {
                b"iloc" => {
                    content[7] += 1;
                    content.extend(b"\0\x09\0\0\0\0\0\x01");
                    content.extend([place, (item.len() as u32).to_be_bytes()].concat());
                }
                b"iinf" => {
                    content[5] += 1;
                    content.extend(boxed(*b"infe", b"\x02\0\0\0\0\x09\0\0Exif\0"));
                }
                _ => {}
            }
            list.extend(boxed(name, &content));
            rest = &rest[len..];
        }
        let about = boxed(*b"cdsc", b"\0\x09\0\x01\0\x01");
        list.extend(boxed(*b"iref", &[&[0; 4], &about[..]].concat()));
        [old, boxed(*b"meta", &list)].concat()
    }

    fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
        let len = (8 + content.len() as u32).to_be_bytes();
        [&len, &name, content].concat()
    }
}
