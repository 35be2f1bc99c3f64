//! A reader of pickles that knows plain values and tensors, and nothing else.
//!
//! A pickle is a program for a stack machine, and Python's own reader lets that program call any
//! function. This one runs only what the state of a network needs: numbers, strings, tuples,
//! lists, dicts and torch's tensor constructors, which it notes down instead of calling. Any other
//! class or function is refused by its name. Values lie in flat vectors and refer to each other by
//! number, so that no nesting, however deep, overflows the program's stack.
//!
//! Reference: Python's `pickletools` (instructions), torch's `serialization.py` (what is pickled).

mod bytes;
mod machine;

use std::collections::HashMap;
use std::io;

pub(crate) use self::bytes::Bytes;
use super::numbers::NumberType;

/// More than the state of any network takes (about 30 instructions for each tensor), and few
/// enough that a hostile file cannot fill the memory.
const MAX_INSTRUCTIONS: usize = 4_000_000;
/// More axes than torch knows.
const MAX_AXES: usize = 64;
/// Longest name of a class or function, in bytes; it is told when it is refused.
const MAX_NAME: usize = 200;
/// Longest pickle, in bytes.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// Why a pickle could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PickleError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("refused `{0}`")]
    Foreign(String),
    #[error("unknown pickle instruction: {0:#04x}")]
    Instruction(u8),
    #[error("a pickle instruction lacks its operand")]
    Operand,
    #[error("the pickle is larger than any network's")]
    TooLarge,
    #[error("a tensor is not made of what tensors are made of")]
    Tensor,
}

type Result<T> = std::result::Result<T, PickleError>;

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
}

/// The classes and functions that tensors are pickled with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Storage(NumberType),
}

impl Global {
    fn find(module: &str, name: &str) -> Result<Self> {
        let known = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", "Size") => Some(Self::Size),
            ("torch", storage) => NumberType::of_storage(storage).map(Self::Storage),
            _ => None,
        };
        known.ok_or_else(|| {
            let full = format!("{module}.{name}");
            PickleError::Foreign(full.chars().take(MAX_NAME).collect())
        })
    }
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
    /// How many numbers it has.
    pub len: u64,
}

/// A tensor as the pickle describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TensorView {
    /// Number of an entry of [`Pickle::storages`].
    pub storage: usize,
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
        let (Value::Global(function), Value::Tuple(arguments)) = (function, arguments) else {
            return Err(PickleError::Operand);
        };
        match function {
            Global::OrderedDict => Ok(Value::Dict(push(&mut self.dicts, Vec::new()))),
            Global::RebuildTensor => self.tensor(arguments),
            Global::RebuildParameter | Global::Size => {
                let first = self.tuples[arguments].first();
                first.copied().ok_or(PickleError::Tensor)
            }
            Global::Storage(_) => Err(PickleError::Tensor),
        }
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`.
    fn tensor(&mut self, arguments: usize) -> Result<Value> {
        let &[
            Value::Storage(storage),
            Value::Int(offset),
            shape,
            strides,
            ..,
        ] = self.tuples[arguments].as_slice()
        else {
            return Err(PickleError::Tensor);
        };
        let view = TensorView {
            storage,
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
    /// `(key of the view, start, len)`.
    fn storage(&mut self, name: Value) -> Result<Value> {
        let Value::Tuple(name) = name else {
            return Err(PickleError::Tensor);
        };
        let [
            kind,
            Value::Global(Global::Storage(numbers)),
            key,
            _,
            Value::Int(len),
            view @ ..,
        ] = self.tuples[name].as_slice()
        else {
            return Err(PickleError::Tensor);
        };
        let (start, len) = match view {
            [Value::Tuple(view)] => match self.tuples[*view].as_slice() {
                [_, Value::Int(start), Value::Int(len)] => (*start, *len),
                _ => return Err(PickleError::Tensor),
            },
            _ => (0, *len),
        };
        let (Value::Text(key), Ok(start), Ok(len)) =
            (*key, u64::try_from(start), u64::try_from(len))
        else {
            return Err(PickleError::Tensor);
        };
        if self.text(*kind) != Some("storage") {
            return Err(PickleError::Tensor);
        }
        let storage = StorageName {
            key,
            numbers: *numbers,
            start,
            len,
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
                prop::sample::select(b"NKK\x01(t)]}aesu01Qbq\x01h\x01\x85\x86\x87R\x81.".to_vec()),
                0..100,
            )
        ) {
            let _ = read(&codes);
        }
    }
}
