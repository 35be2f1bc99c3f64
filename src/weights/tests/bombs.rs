//! Small files that would take all memory or never end, were they believed.

use std::io::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

/// What opening a file costs at the most, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens `content` as a file, reads all tensors, and is back soon.
fn opened(content: &[u8]) -> Result<()> {
    let begun = Instant::now();
    let result = read_all(content);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    result
}

fn text(text: &str) -> Vec<u8> {
    let len = (text.len() as u32).to_le_bytes();
    [b"X".as_slice(), &len, text.as_bytes()].concat()
}

/// A zip as torch's, but packed as tightly as can be.
fn packed(pickle: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("archive/data.pkl", deflated).unwrap();
    zip.write_all(pickle).unwrap();
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for key in [KEY.repeat(4), "0".to_owned()] {
        zip.start_file(format!("archive/data/{key}"), stored)
            .unwrap();
        zip.write_all(&[0; 16]).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The same pickle in torch's old format.
fn legacy(pickle: &[u8], keys: &[u8]) -> Vec<u8> {
    let machine = b"\x80\x02}.";
    [
        torch_legacy::MAGIC,
        b"\x80\x02M\xe9\x03.",
        machine,
        pickle,
        keys,
    ]
    .concat()
}

const KEY: &str = "a key, long enough, ";

/// Memo 0: "storage", 1: its class, 2: `key`, 3: "cpu", 4: a storage of it.
fn with_storage(key: &str) -> Vec<u8> {
    let mut pickle = b"\x80\x02".to_vec();
    for (part, at) in [
        (text("storage"), 0),
        (b"ctorch\nFloatStorage\n".to_vec(), 1),
        (text(key), 2),
        (text("cpu"), 3),
        (b"(h\x00h\x01h\x02h\x03K\x04tQ".to_vec(), 4),
    ] {
        pickle.extend(part);
        pickle.extend([b'q', at, b'0']);
    }
    pickle
}

/// A tensor of the storage, of `shape` (a piece of a pickle).
fn tensor(shape: &[u8]) -> Vec<u8> {
    let call = b"ctorch._utils\n_rebuild_tensor_v2\n(h\x04K\x00".as_slice();
    [call, shape, shape, b"\x89NtR"].concat()
}

#[test]
fn a_key_of_a_megabyte_named_a_hundred_thousand_times_is_kept_once() {
    let long = KEY.repeat(50_000);
    let mut storages = with_storage(&long);
    storages.extend(b"](");
    storages.extend(b"(h\x00h\x01h\x02h\x03K\x04tQ".repeat(100_000));
    storages.extend(b"e.");
    let mut names = with_storage(&long);
    names.extend(tensor(b"K\x01\x85"));
    names.extend(b"q\x050}(");
    names.extend(b"h\x02h\x05".repeat(100_000));
    names.extend(b"u.");
    let keys = [
        text(&long),
        b"q\x000](".to_vec(),
        b"h\x00".repeat(100_000),
        b"e.".to_vec(),
    ];
    for pickle in [storages, names] {
        let _ = opened(&packed(&pickle));
        assert!(opened(&legacy(&pickle, &keys.concat())).is_err());
    }
}

#[test]
fn shapes_of_more_axes_than_there_are_are_refused() {
    let mut pickle = with_storage("0");
    pickle.extend([b"(".to_vec(), b"K\x01".repeat(100_000), b"tq\x060".to_vec()].concat());
    pickle.extend(b"](");
    pickle.extend(tensor(b"h\x06").repeat(10_000));
    pickle.extend(b"e.");
    assert!(opened(&packed(&pickle)).is_err());
}

#[test]
fn a_dict_that_holds_itself_under_every_wrappers_name_is_looked_through_once() {
    let mut pickle = b"\x80\x02}q\x00(".to_vec();
    pickle.extend([b"K\x01K\x01".repeat(200_000), text("x"), b"h\x00".to_vec()].concat());
    for name in [
        "state_dict",
        "model",
        "net",
        "network",
        "params",
        "model_ema",
    ] {
        pickle.extend([text(name), b"h\x00".to_vec()].concat());
    }
    pickle.extend(b"u.");
    assert!(opened(&packed(&pickle)).is_err());
    assert!(opened(&legacy(&pickle, b"].")).is_err());
}

#[test]
fn a_packed_pickle_is_not_unpacked_without_end() {
    for instruction in [b"N".as_slice(), b")\x85", b"]", b"}\x94", b"\x8c\x01a0"] {
        let pickle = instruction.repeat((30 << 20) / instruction.len());
        assert!(opened(&packed(&pickle)).is_err());
    }
}

#[test]
fn lengths_that_no_file_has_are_errors() {
    for pickle in [
        b"\x80\x02\x8b\xff\xff\xff\x7f".as_slice(),
        b"\x80\x02B\xff\xff\xff\xff",
        b"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x80\x02(((((((((((((t",
    ] {
        assert!(opened(&packed(pickle)).is_err());
        assert!(opened(&legacy(pickle, b"].")).is_err());
    }
}

#[test]
fn a_safetensors_header_of_ninety_megabytes_is_refused_unread() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("weights.safetensors");
    let header: u64 = 90 << 20;
    let mut start = header.to_le_bytes().to_vec();
    start.extend(br#"{"a":"#);
    fs::write(&path, start).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(header + 8).unwrap();
    let error = WeightsFile::open(&path).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("far more memory"), "{text}");
}

/// HDF5 of the oldest kind, whose root's header at [`ROOT`] has these messages, and behind it `rest`.
fn hdf5(messages: &[(u16, Vec<u8>)], rest: &[u8]) -> Vec<u8> {
    let mut file = keras::MAGIC.to_vec();
    file.extend([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0]);
    for address in [0, u64::MAX, 1 << 20, u64::MAX, 0, ROOT] {
        file.extend(address.to_le_bytes());
    }
    file.extend([0; 24]);
    assert_eq!(file.len() as u64, ROOT);
    let mut body = Vec::new();
    for (kind, data) in messages {
        let len = data.len().next_multiple_of(8);
        body.extend(kind.to_le_bytes());
        body.extend((len as u16).to_le_bytes());
        body.extend([0; 4]);
        body.extend(data);
        body.resize(body.len() + len - data.len(), 0);
    }
    file.extend([1, 0]);
    file.extend((messages.len() as u16).to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend((body.len() as u32).to_le_bytes());
    file.extend([0; 4]);
    file.extend(body);
    file.resize(REST as usize, 0);
    file.extend(rest);
    file
}

const ROOT: u64 = 96;
/// Where what follows the header begins.
const REST: u64 = 4096;

/// A hard link.
fn link(name: &str, address: u64) -> (u16, Vec<u8>) {
    let mut data = vec![1, 0, name.len() as u8];
    data.extend(name.as_bytes());
    data.extend(address.to_le_bytes());
    (6, data)
}

#[test]
fn a_group_with_twelve_links_to_itself_is_walked_once() {
    let links: Vec<_> = (0..12)
        .map(|number| link(&format!("{number}"), ROOT))
        .collect();
    let error = opened(&hdf5(&links, &[])).unwrap_err();
    assert!(
        matches!(error, Error::Weights(WeightsError::NoTensors { .. })),
        "{error}"
    );
}

/// A group of the old kind: a tree of nodes of members, and a text with their names.
fn old_group(node_of_tree: &[u8], nodes: &[u8], names: &[u8]) -> Vec<u8> {
    let tree = REST;
    let heap = tree + node_of_tree.len() as u64 + nodes.len() as u64;
    let mut table = tree.to_le_bytes().to_vec();
    table.extend(heap.to_le_bytes());
    let mut header = b"HEAP\0\0\0\0".to_vec();
    for value in [names.len() as u64, 1, heap + 32] {
        header.extend(value.to_le_bytes());
    }
    hdf5(
        &[(17, table)],
        &[node_of_tree, nodes, &header, names].concat(),
    )
}

/// A node of the tree with these children.
fn tree(level: u8, children: &[u64]) -> Vec<u8> {
    let mut node = b"TREE\0".to_vec();
    node.push(level);
    node.extend((children.len() as u16).to_le_bytes());
    node.extend([0xff; 16]);
    for child in children {
        node.extend(0_u64.to_le_bytes());
        node.extend(child.to_le_bytes());
    }
    node.extend(0_u64.to_le_bytes());
    node
}

/// A node of so many members, all of one name that begins at `name` in the text.
fn members(count: u16, name: u64, address: u64) -> Vec<u8> {
    let mut node = b"SNOD\x01\0".to_vec();
    node.extend(count.to_le_bytes());
    for _ in 0..count {
        node.extend(name.to_le_bytes());
        node.extend(address.to_le_bytes());
        node.extend([0; 24]);
    }
    node
}

/// A text of one name of so many bytes, at its eighth.
fn text_of(len: usize) -> Vec<u8> {
    [&[0; 8][..], &vec![b'a'; len], &[0]].concat()
}

#[test]
fn names_that_all_are_one_long_text_are_not_copied_for_each() {
    let long = text_of(200_000);
    let children = |len: usize| REST + tree(0, &vec![0; len]).len() as u64;
    let one = tree(0, &[children(1)]);
    let file = old_group(&one, &members(2_000, 8, ROOT), &long);
    assert!(
        opened(&file)
            .unwrap_err()
            .to_string()
            .contains("refers to itself")
    );
    // And where the node of members is named again and again.
    let many = tree(0, &vec![children(500); 500]);
    let file = old_group(&many, &members(500, 8, ROOT), &text_of(2_000));
    assert!(
        opened(&file)
            .unwrap_err()
            .to_string()
            .contains("refers to itself")
    );
    // The same with honest names is a group without tensors.
    let file = old_group(
        &one,
        &members(20, 8, ROOT),
        &[&[0; 8][..], b"name\0\0\0\0"].concat(),
    );
    let error = opened(&file).unwrap_err();
    assert!(
        matches!(error, Error::Weights(WeightsError::NoTensors { .. })),
        "{error}"
    );
}

#[test]
fn a_tree_that_is_its_own_child_and_a_header_that_goes_on_in_itself_end() {
    for level in [1, 9, 255] {
        let node = tree(level, &[REST; 16]);
        assert!(opened(&old_group(&node, &[], &[0; 16])).is_err());
    }
    let mut onward = ROOT.to_le_bytes().to_vec();
    onward.extend(200_u64.to_le_bytes());
    let messages = vec![(16, onward); 12];
    let _ = opened(&hdf5(&messages, &[]));
}

#[test]
fn soft_links_that_lead_to_each_other_end() {
    let soft = |name: &str, to: &str| {
        let mut data = vec![1, 8, 1, name.len() as u8];
        data.extend(name.as_bytes());
        data.extend((to.len() as u16).to_le_bytes());
        data.extend(to.as_bytes());
        (6, data)
    };
    let onward = |number: usize| format!("/{0}/{0}/{0}/{0}", (number + 1) % 30);
    let links = (0..30).map(|number| soft(&number.to_string(), &onward(number)));
    let links: Vec<_> = links.chain([link("self", ROOT)]).collect();
    let _ = opened(&hdf5(&links, &[]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn changed_bytes_of_groups_never_take_long(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let names = [&[0; 8][..], b"a\0b\0c\0d\0"].concat();
        let node = tree(0, &[REST + tree(0, &[0]).len() as u64]);
        let mut content = old_group(&node, &members(4, 8, ROOT), &names);
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        let _ = opened(&content);
    }
}
