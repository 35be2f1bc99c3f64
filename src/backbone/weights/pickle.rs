//! A reader of pickles that knows tensors and nothing else.
//!
//! A pickle is a program for a stack machine, and Python's own reader lets that program call any
//! function. This one runs only what the state of a network needs: numbers, strings, tuples,
//! lists, dicts and torch's tensor constructors, which it notes down instead of calling. Any other
//! class or function is refused by its name. Values lie in flat vectors and refer to each other by
//! number, so that no nesting, however deep, overflows the program's stack.
//!
//! Reference: Python's `pickletools` (instructions), torch's `serialization.py` (what is pickled).

use std::collections::HashMap;
use std::io::{self, Read};

use super::numbers::NumberType;

/// More than the state of any network takes (about 30 instructions for each tensor), and few
/// enough that a hostile file cannot fill the memory.
const MAX_INSTRUCTIONS: usize = 4_000_000;
/// Longest pickle, in bytes.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// Why a pickle could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PickleError {
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
pub(super) enum Value {
    Mark,
    None,
    Bool(bool),
    Int(i64),
    /// A float, bytes or an integer beyond 64 bits: no part of a tensor.
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
pub(super) enum Global {
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
        known.ok_or_else(|| PickleError::Foreign(format!("{module}.{name}")))
    }
}

/// A storage as the pickle names it: the numbers themselves lie elsewhere in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StorageName {
    pub key: String,
    pub numbers: NumberType,
    /// Where this view starts in the storage called `key`, in numbers.
    pub start: u64,
    /// How many numbers it has.
    pub len: u64,
}

/// A tensor as the pickle describes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorView {
    /// Number of an entry of [`Pickle::storages`].
    pub storage: usize,
    /// Where it starts in the storage, in numbers.
    pub offset: u64,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// Everything that a pickle made.
#[derive(Debug)]
pub(super) struct Pickle {
    pub root: Value,
    pub texts: Vec<String>,
    pub tuples: Vec<Vec<Value>>,
    pub lists: Vec<Vec<Value>>,
    pub dicts: Vec<Vec<(Value, Value)>>,
    pub storages: Vec<StorageName>,
    pub tensors: Vec<TensorView>,
    stack: Vec<Value>,
    memo: HashMap<u32, Value>,
}

/// Appends `entry` and gives its number.
fn push<T>(entries: &mut Vec<T>, entry: T) -> usize {
    entries.push(entry);
    entries.len() - 1
}

impl Pickle {
    /// Runs one pickle to its end and no byte further.
    pub fn read<R: Read>(bytes: &mut Bytes<R>) -> Result<Self> {
        let mut pickle = Self {
            root: Value::None,
            texts: Vec::new(),
            tuples: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
            stack: Vec::new(),
            memo: HashMap::new(),
        };
        for _ in 0..MAX_INSTRUCTIONS {
            match bytes.byte()? {
                b'.' => {
                    pickle.root = pickle.pop()?;
                    return Ok(pickle);
                }
                instruction => pickle.step(instruction, bytes)?,
            }
        }
        Err(PickleError::TooLarge)
    }

    /// The text that `value` is, if it is one.
    pub fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text(at) => Some(&self.texts[at]),
            _ => None,
        }
    }

    fn step<R: Read>(&mut self, instruction: u8, bytes: &mut Bytes<R>) -> Result<()> {
        match instruction {
            // PROTO, FRAME: nothing to do.
            0x80 => drop(bytes.exact::<1>()?),
            0x95 => drop(bytes.exact::<8>()?),
            b'c' | 0x93 | b'R' | 0x81 | b'b' | b'Q' => self.call(instruction, bytes)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(instruction, bytes)?,
            b'('
            | b't'
            | b')'
            | 0x85..=0x87
            | b']'
            | b'}'
            | b'a'
            | b'e'
            | b's'
            | b'u'
            | b'0'
            | b'1' => self.collect(instruction)?,
            _ => {
                let value = self.constant(instruction, bytes)?;
                self.stack.push(value);
            }
        }
        Ok(())
    }

    /// None, booleans, numbers, strings.
    fn constant<R: Read>(&mut self, instruction: u8, bytes: &mut Bytes<R>) -> Result<Value> {
        let value = match instruction {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'J' => Value::Int(i32::from_le_bytes(bytes.exact()?).into()),
            b'K' => Value::Int(bytes.byte()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(bytes.exact()?).into()),
            0x8a => {
                let len = bytes.byte()?.into();
                long(&bytes.many(len)?)
            }
            b'G' => {
                bytes.exact::<8>()?;
                Value::Other
            }
            // The four kinds of text, by the width of their length; `U` and `T` are Python 2's.
            b'X' | b'T' => {
                let len = u32::from_le_bytes(bytes.exact()?).into();
                self.new_text(len, bytes)?
            }
            0x8c | b'U' => {
                let len = bytes.byte()?.into();
                self.new_text(len, bytes)?
            }
            0x8d => {
                let len = u64::from_le_bytes(bytes.exact()?);
                self.new_text(len, bytes)?
            }
            b'C' => {
                let len = bytes.byte()?.into();
                bytes.many(len).map(|_| Value::Other)?
            }
            b'B' => {
                let len = u32::from_le_bytes(bytes.exact()?).into();
                bytes.many(len).map(|_| Value::Other)?
            }
            other => return Err(PickleError::Instruction(other)),
        };
        Ok(value)
    }

    fn new_text<R: Read>(&mut self, len: u64, bytes: &mut Bytes<R>) -> Result<Value> {
        let text = String::from_utf8_lossy(&bytes.many(len)?).into_owned();
        Ok(Value::Text(push(&mut self.texts, text)))
    }

    /// Tuples, lists and dicts.
    fn collect(&mut self, instruction: u8) -> Result<()> {
        match instruction {
            b'(' => self.stack.push(Value::Mark),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b')' => self.push_tuple(Vec::new()),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_tuple(items);
            }
            0x85..=0x87 => {
                let len = usize::from(instruction - 0x84);
                let start = self.stack.len().checked_sub(len);
                let items = self.stack.split_off(start.ok_or(PickleError::Operand)?);
                self.push_tuple(items);
            }
            b']' => {
                let list = Value::List(push(&mut self.lists, Vec::new()));
                self.stack.push(list);
            }
            b'}' => self.push_dict(),
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            _ => {
                let items = self.pop_to_mark()?;
                self.set(&items)?;
            }
        }
        Ok(())
    }

    /// Writes to and reads from the memo, by which a pickle refers to what it already made.
    fn remember<R: Read>(&mut self, instruction: u8, bytes: &mut Bytes<R>) -> Result<()> {
        let at = match instruction {
            b'q' | b'h' => bytes.byte()?.into(),
            b'r' | b'j' => u32::from_le_bytes(bytes.exact()?),
            _ => self.memo.len() as u32,
        };
        if matches!(instruction, b'h' | b'j') {
            let value = *self.memo.get(&at).ok_or(PickleError::Operand)?;
            self.stack.push(value);
        } else {
            let value = *self.stack.last().ok_or(PickleError::Operand)?;
            self.memo.insert(at, value);
        }
        Ok(())
    }

    /// Names of classes and functions, and calls of them.
    fn call<R: Read>(&mut self, instruction: u8, bytes: &mut Bytes<R>) -> Result<()> {
        let value = match instruction {
            b'c' => {
                let (module, name) = (bytes.line()?, bytes.line()?);
                Value::Global(Global::find(&module, &name)?)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let module = self.text(module).ok_or(PickleError::Operand)?;
                let name = self.text(name).ok_or(PickleError::Operand)?;
                Value::Global(Global::find(module, name)?)
            }
            // BUILD sets attributes: an OrderedDict of tensors has the modules' versions there.
            b'b' => {
                self.pop()?;
                return Ok(());
            }
            b'Q' => {
                let name = self.pop()?;
                self.storage(name)?
            }
            _ => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.made_by(function, arguments)?
            }
        };
        self.stack.push(value);
        Ok(())
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
        let items = match value {
            Value::Tuple(at) => &self.tuples[at],
            Value::List(at) => &self.lists[at],
            _ => return Err(PickleError::Tensor),
        };
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
        let key = self
            .text(*key)
            .filter(|_| self.text(*kind) == Some("storage"));
        let (Some(key), Ok(start), Ok(len)) = (key, u64::try_from(start), u64::try_from(len))
        else {
            return Err(PickleError::Tensor);
        };
        let storage = StorageName {
            key: key.to_owned(),
            numbers: *numbers,
            start,
            len,
        };
        Ok(Value::Storage(push(&mut self.storages, storage)))
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().ok_or(PickleError::Operand)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let is_mark = |value: &Value| *value == Value::Mark;
        let mark = self.stack.iter().rposition(is_mark);
        let mark = mark.ok_or(PickleError::Operand)?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn push_tuple(&mut self, items: Vec<Value>) {
        let tuple = Value::Tuple(push(&mut self.tuples, items));
        self.stack.push(tuple);
    }

    fn push_dict(&mut self) {
        let dict = Value::Dict(push(&mut self.dicts, Vec::new()));
        self.stack.push(dict);
    }

    fn append(&mut self, items: Vec<Value>) -> Result<()> {
        let Some(Value::List(list)) = self.stack.last() else {
            return Err(PickleError::Operand);
        };
        self.lists[*list].extend(items);
        Ok(())
    }

    fn set(&mut self, items: &[Value]) -> Result<()> {
        let (Some(Value::Dict(dict)), (pairs, [])) = (self.stack.last(), items.as_chunks::<2>())
        else {
            return Err(PickleError::Operand);
        };
        self.dicts[*dict].extend(pairs.iter().map(|&[key, value]| (key, value)));
        Ok(())
    }
}

/// A little-endian two's complement integer of any length.
fn long(bytes: &[u8]) -> Value {
    let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    let Some(low) = wide.get_mut(..bytes.len()) else {
        return Value::Other;
    };
    low.copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

/// The bytes of pickles, counted: the old torch format has its numbers right behind them.
pub(super) struct Bytes<R> {
    inner: R,
    /// How many were read so far.
    pub consumed: u64,
}

impl<R: Read> Bytes<R> {
    pub const fn new(inner: R) -> Self {
        Self { inner, consumed: 0 }
    }

    fn byte(&mut self) -> Result<u8> {
        self.exact().map(|[byte]| byte)
    }

    fn exact<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.count(N as u64)?;
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Allocates as the bytes come, not as `len` claims.
    fn many(&mut self, len: u64) -> Result<Vec<u8>> {
        self.count(len)?;
        let mut bytes = Vec::new();
        self.inner.by_ref().take(len).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < len {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                byte => line.push(byte),
            }
        }
    }

    fn count(&mut self, len: u64) -> Result<()> {
        self.consumed = self.consumed.saturating_add(len);
        if self.consumed > MAX_BYTES {
            return Err(PickleError::TooLarge);
        }
        Ok(())
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
        pickle.extend([0x85; 1_000_000]);
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

    #[test]
    fn long_integers_keep_their_sign() {
        assert_eq!(long(&[0xfe]), Value::Int(-2));
        assert_eq!(long(&[0, 1]), Value::Int(256));
        assert_eq!(long(&[]), Value::Int(0));
        assert_eq!(long(&[1; 9]), Value::Other);
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
