//! A reader of pickles that knows plain values and tensors, and passes over all else.
//!
//! A pickle is a program for a stack machine, and Python's own reader lets that program call any
//! function. This one calls none: numbers, strings, tuples, lists, dicts and torch's tensor
//! constructors are noted down, and whatever else a class or function would make is an object of
//! which only the name, the arguments and the attributes are known. What runs programs is refused by
//! its name, since no network needs it. Values lie in flat vectors and refer to each other by number,
//! so that no nesting, however deep, overflows the program's stack.
//!
//! Reference: Python's `pickletools` (instructions), torch's `serialization.py` (what is pickled).

mod bytes;
mod error;
mod global;
mod machine;

use std::collections::HashMap;

pub(crate) use self::bytes::Bytes;
pub(crate) use self::error::PickleError;
use self::error::Result;
use self::global::Global;
use super::numbers::NumberType;

/// More than the state of any network takes (about 30 instructions for each tensor), and few
/// enough that a hostile file cannot fill the memory.
const MAX_INSTRUCTIONS: usize = 4_000_000;
/// More axes than torch knows.
const MAX_AXES: usize = 64;
/// Longest pickle, in bytes.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// A value on the machine's stack; the larger ones are numbers of entries in [`Pickle`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Mark,
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Bytes or an integer beyond 64 bits: no part of a tensor.
    Other,
    Text(usize),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
    Object(usize),
}

/// A storage as the pickle names it: the numbers themselves lie elsewhere in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StorageName {
    /// Number of an entry of [`Pickle::texts`]. Equal keys have equal numbers: a long one may be named
    /// a hundred thousand times.
    pub key: usize,
    pub numbers: NumberType,
    /// Where this view starts in the storage called `key`, in numbers.
    pub start: u64,
}

/// What a class or function would have made, which was not called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    /// Number of an entry of [`Pickle::texts`]: the class or function, where it is known.
    pub class: Option<usize>,
    /// What it was made of.
    pub arguments: Value,
    /// Its attributes, as a dict for most.
    pub state: Value,
    /// What it holds, where it is a kind of dict.
    pub entries: Vec<(Value, Value)>,
    /// What it holds, where it is a kind of list.
    pub items: Vec<Value>,
}

/// A tensor as the pickle describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TensorView {
    /// Number of an entry of [`Pickle::storages`].
    pub storage: usize,
    pub numbers: NumberType,
    /// Where it starts in the storage, in numbers.
    pub offset: u64,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// Everything that a pickle made.
#[derive(Debug)]
pub(crate) struct Pickle {
    pub root: Value,
    pub texts: Vec<String>,
    pub tuples: Vec<Vec<Value>>,
    pub lists: Vec<Vec<Value>>,
    pub dicts: Vec<Vec<(Value, Value)>>,
    pub storages: Vec<StorageName>,
    pub tensors: Vec<TensorView>,
    pub objects: Vec<Object>,
    stack: Vec<Value>,
    memo: HashMap<u32, Value>,
    /// The number of each text, by its hash.
    numbers: HashMap<blake3::Hash, usize>,
}

/// Appends `entry` and gives its number.
fn push<T>(entries: &mut Vec<T>, entry: T) -> usize {
    entries.push(entry);
    entries.len() - 1
}

impl Pickle {
    /// The text that `value` is, if it is one.
    pub fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text(at) => Some(&self.texts[at]),
            _ => None,
        }
    }

    /// The items that `value` has, if it is a list or a tuple.
    pub fn items(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(at) => Some(&self.tuples[at]),
            Value::List(at) => Some(&self.lists[at]),
            _ => None,
        }
    }

    /// What `value`, if it is a dict, has under `key`.
    pub fn entry(&self, value: Value, key: &str) -> Option<Value> {
        let Value::Dict(at) = value else {
            return None;
        };
        // What was set last counts.
        let mut entries = self.dicts[at].iter().rev();
        let found = entries.find(|(known, _)| self.text(*known) == Some(key));
        found.map(|(_, value)| *value)
    }

    /// What calling `function` would give.
    fn made_by(&mut self, function: Value, arguments: Value) -> Result<Value> {
        let (Value::Global(global), Value::Tuple(tuple)) = (function, arguments) else {
            return Ok(self.object(function, arguments));
        };
        match global {
            Global::Dict => Ok(self.dict(tuple)),
            Global::RebuildTensor => self.tensor(tuple, None),
            Global::RebuildTyped => {
                let of_type = self.tuples[tuple].get(6).copied();
                match of_type.and_then(|it| self.number_type(it)) {
                    Some(numbers) => self.tensor(tuple, Some(numbers)),
                    None => Ok(self.object(function, arguments)),
                }
            }
            Global::RebuildParameter | Global::Size => {
                let first = self.tuples[tuple].first();
                first.copied().ok_or(PickleError::Tensor)
            }
            // `(function, class, arguments, state)`: a tensor of a class of one's own.
            Global::RebuildOfClass => match *self.tuples[tuple].as_slice() {
                [inner @ Value::Global(global), _, inner_arguments, ..]
                    if global != Global::RebuildOfClass =>
                {
                    self.made_by(inner, inner_arguments)
                }
                _ => Ok(self.object(function, arguments)),
            },
            Global::Storage(_) => Err(PickleError::Tensor),
            Global::Other(_) => Ok(self.object(function, arguments)),
        }
    }

    /// Something that is passed over.
    fn object(&mut self, class: Value, arguments: Value) -> Value {
        let class = match class {
            Value::Global(Global::Other(name)) => Some(name),
            _ => None,
        };
        let object = Object {
            class,
            arguments,
            state: Value::None,
            entries: Vec::new(),
            items: Vec::new(),
        };
        Value::Object(push(&mut self.objects, object))
    }

    /// A dict; Python 2 gives its entries as a list of pairs.
    fn dict(&mut self, arguments: usize) -> Value {
        let given = self.tuples[arguments].first().copied();
        let pairs = given
            .and_then(|given| self.items(given))
            .unwrap_or_default();
        let pair = |pair: &Value| match self.items(*pair) {
            Some(&[key, value]) => Some((key, value)),
            _ => None,
        };
        let entries = pairs.iter().filter_map(pair).collect();
        Value::Dict(push(&mut self.dicts, entries))
    }

    /// The type that `torch.float32` and its like name.
    fn number_type(&self, value: Value) -> Option<NumberType> {
        match value {
            Value::Global(Global::Other(name)) => NumberType::of_dtype(&self.texts[name]),
            _ => None,
        }
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`; of `numbers` where
    /// the storage is of bytes.
    fn tensor(&mut self, arguments: usize, numbers: Option<NumberType>) -> Result<Value> {
        let &[storage, Value::Int(offset), shape, strides, ..] = self.tuples[arguments].as_slice()
        else {
            return Err(PickleError::Tensor);
        };
        let storage = match storage {
            Value::Storage(storage) => storage,
            // One whose numbers are elsewhere.
            Value::Object(_) => return Ok(storage),
            _ => return Err(PickleError::Tensor),
        };
        let view = TensorView {
            storage,
            numbers: numbers.unwrap_or(self.storages[storage].numbers),
            offset: u64::try_from(offset).map_err(|_| PickleError::Tensor)?,
            shape: self.sizes(shape)?,
            strides: self.sizes(strides)?,
        };
        Ok(Value::Tensor(push(&mut self.tensors, view)))
    }

    fn sizes(&self, value: Value) -> Result<Vec<usize>> {
        let items = self.items(value).ok_or(PickleError::Tensor)?;
        // Sizes are copied for each tensor that names them.
        if items.len() > MAX_AXES {
            return Err(PickleError::Tensor);
        }
        let size = |item: &Value| match item {
            Value::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        let sizes: Option<Vec<usize>> = items.iter().map(size).collect();
        sizes.ok_or(PickleError::Tensor)
    }

    /// `('storage', class, key, location, len)`, in the old format with a sixth entry: None, or
    /// `(key of the view, start, len)`. Beside them the old format has `('module', class, …)`.
    fn storage(&mut self, name: Value) -> Result<Value> {
        let Value::Tuple(tuple) = name else {
            return Ok(self.object(Value::None, name));
        };
        let parts = self.tuples[tuple].as_slice();
        let kind = parts.first().and_then(|kind| self.text(*kind));
        match (kind, parts) {
            (Some("module"), [_, class, ..]) => return Ok(*class),
            (Some("storage"), _) => {}
            (Some(_), _) => return Ok(self.object(Value::None, name)),
            (None, _) => return Err(PickleError::Tensor),
        }
        let [_, class, key, _, Value::Int(_), view @ ..] = parts else {
            return Err(PickleError::Tensor);
        };
        let Value::Global(Global::Storage(numbers)) = *class else {
            return Ok(self.object(*class, name));
        };
        let start = match view {
            [Value::Tuple(view)] => match self.tuples[*view].as_slice() {
                [_, Value::Int(start), Value::Int(_)] => *start,
                _ => return Err(PickleError::Tensor),
            },
            _ => 0,
        };
        let (Value::Text(key), Ok(start)) = (*key, u64::try_from(start)) else {
            return Err(PickleError::Tensor);
        };
        let storage = StorageName {
            key,
            numbers,
            start,
        };
        Ok(Value::Storage(push(&mut self.storages, storage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Pickle> {
        Pickle::read(&mut Bytes::new(bytes))
    }

    #[test]
    fn a_call_of_a_system_function_is_refused_by_its_name() {
        let pickle = b"cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.";
        assert!(matches!(read(pickle), Err(PickleError::Foreign(name)) if name == "posix.system"));
        let pickle = b"\x8c\x02os\x8c\x06system\x93.";
        assert!(matches!(read(pickle), Err(PickleError::Foreign(name)) if name == "os.system"));
        let old = b"(X\x02\x00\x00\x00lsiposix\nsystem\n.";
        assert!(matches!(read(old), Err(PickleError::Foreign(name)) if name == "posix.system"));
    }

    #[test]
    fn what_a_class_would_make_is_passed_over_with_its_arguments_and_attributes() {
        let pickle = read(b"cargparse\nNamespace\n)\x81}X\x02\x00\x00\x00lrK\x01sb.").unwrap();
        let Value::Object(object) = pickle.root else {
            panic!("{:?}", pickle.root)
        };
        let object = &pickle.objects[object];
        let class = object.class.map(|name| pickle.texts[name].as_str());
        assert_eq!(class, Some("argparse.Namespace"));
        assert_eq!(pickle.entry(object.state, "lr"), Some(Value::Int(1)));
        // A function of a function, a class by its old way, a kind of list, a kind of dict, a set.
        for code in [
            b"cbuiltins\ngetattr\n)R)R.".as_slice(),
            b"(cdatetime\nuser\nK\x01o.",
            b"(K\x01idatetime\ndate\n.",
            b"cm\nList\n)\x81K\x01a(K\x02e.",
            b"cm\nDict\n)\x81K\x01K\x02s(K\x01K\x02u.",
            b"cm\nNew\n)}\x92.",
        ] {
            let root = read(code).unwrap().root;
            assert!(matches!(root, Value::Object(_)), "{root:?}");
        }
        assert_eq!(read(b"\x8f(K\x01\x90.").unwrap().root, Value::List(0));
    }

    #[test]
    fn python_2s_dicts_come_with_their_entries_as_pairs() {
        let code = b"ccollections\nOrderedDict\n]](X\x01\x00\x00\x00aK\x07ea\x85R.";
        let pickle = read(code).unwrap();
        assert_eq!(pickle.entry(pickle.root, "a"), Some(Value::Int(7)));
    }

    #[test]
    fn tuples_nested_a_million_deep_are_read_and_dropped() {
        let mut pickle = vec![b')'];
        pickle.resize(1_000_001, 0x85);
        pickle.push(b'.');
        assert_eq!(read(&pickle).unwrap().tuples.len(), 1_000_001);
    }

    #[test]
    fn a_text_longer_than_the_file_is_an_error() {
        let short = [b"X".as_slice(), &50_000_000_u32.to_le_bytes(), b"abc."].concat();
        assert!(matches!(read(&short), Err(PickleError::Io(_))));
        let endless = [b"\x8d".as_slice(), &u64::MAX.to_le_bytes(), b"abc."].concat();
        assert!(matches!(read(&endless), Err(PickleError::TooLarge)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_mix_of_instructions_makes_the_reader_panic(
            codes in prop::collection::vec(
                prop::sample::select(b"NKK\x01(t)]}aesu012Qboq\x01h\x01\x85\x86\x87R\x81.".to_vec()),
                0..100,
            )
        ) {
            let _ = read(&codes);
        }
    }
}
