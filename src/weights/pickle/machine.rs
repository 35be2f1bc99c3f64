//! The stack machine: one function for each group of instructions.

use std::collections::HashMap;
use std::io::Read;

use super::{Bytes, Global, MAX_INSTRUCTIONS, Pickle, PickleError, Result, Value, push};

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
            objects: Vec::new(),
            stack: Vec::new(),
            memo: HashMap::new(),
            numbers: HashMap::new(),
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

    fn step<R: Read>(&mut self, instruction: u8, bytes: &mut Bytes<R>) -> Result<()> {
        match instruction {
            // PROTO, FRAME: nothing to do.
            0x80 => drop(bytes.exact::<1>()?),
            0x95 => drop(bytes.exact::<8>()?),
            b'c' | 0x93 | b'R' | 0x81 | 0x92 | b'b' | b'Q' | b'P' | b'i' | b'o' => {
                self.call(instruction, bytes)?;
            }
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.remember(instruction, bytes)?,
            b'('
            | b't'
            | b')'
            | 0x85..=0x87
            | b']'
            | b'}'
            | b'l'
            | b'd'
            | b'a'
            | b'e'
            | b's'
            | b'u'
            | b'0'
            | b'1'
            | b'2'
            | 0x8f..=0x91 => self.collect(instruction)?,
            // READONLY_BUFFER: of what is passed over.
            0x98 => {}
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
            0x8b => {
                let len = u32::from_le_bytes(bytes.exact()?).into();
                long(&bytes.many(len)?)
            }
            b'G' => Value::Float(f64::from_be_bytes(bytes.exact()?)),
            b'I' | b'L' | b'F' | b'S' | b'V' => self.line(instruction, &bytes.line()?)?,
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
            // BINBYTES8, BYTEARRAY8.
            0x8e | 0x96 => {
                let len = u64::from_le_bytes(bytes.exact()?);
                bytes.many(len).map(|_| Value::Other)?
            }
            other => return Err(PickleError::Instruction(other)),
        };
        Ok(value)
    }

    /// What Python's first format writes as lines. A text's escapes stay as they are written.
    fn line(&mut self, instruction: u8, line: &str) -> Result<Value> {
        let value = match (instruction, line) {
            (b'I', "00") => Some(Value::Bool(false)),
            (b'I', "01") => Some(Value::Bool(true)),
            (b'F', _) => line.parse().ok().map(Value::Float),
            (b'S', _) => {
                let quote = line
                    .chars()
                    .next()
                    .filter(|quote| matches!(quote, '\'' | '"'));
                let text = quote.and_then(|quote| line[1..].strip_suffix(quote));
                text.map(|text| self.text_of(text.as_bytes()))
            }
            (b'V', _) => Some(self.text_of(line.as_bytes())),
            _ => line.trim_end_matches('L').parse().ok().map(Value::Int),
        };
        value.ok_or(PickleError::Operand)
    }

    fn new_text<R: Read>(&mut self, len: u64, bytes: &mut Bytes<R>) -> Result<Value> {
        Ok(self.text_of(&bytes.many(len)?))
    }

    fn text_of(&mut self, text: &[u8]) -> Value {
        let next = self.texts.len();
        let at = *self.numbers.entry(blake3::hash(text)).or_insert(next);
        if at == next {
            self.texts.push(String::from_utf8_lossy(text).into_owned());
        }
        Value::Text(at)
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
            b'2' => {
                let value = *self.stack.last().ok_or(PickleError::Operand)?;
                self.stack.push(value);
            }
            // A set, which is a list without order; a frozen one comes with its items.
            b']' | 0x8f => {
                let list = Value::List(push(&mut self.lists, Vec::new()));
                self.stack.push(list);
            }
            b'}' => self.push_dict(),
            b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                let list = Value::List(push(&mut self.lists, items));
                self.stack.push(list);
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push_dict();
                self.set(&items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' | 0x90 => {
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
            b'p' | b'g' => bytes.line()?.parse().map_err(|_| PickleError::Operand)?,
            b'r' | b'j' => u32::from_le_bytes(bytes.exact()?),
            _ => self.memo.len() as u32,
        };
        if matches!(instruction, b'g' | b'h' | b'j') {
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
                self.global(&module, &name)?
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(PickleError::Operand);
                };
                let text = |at: usize| self.texts[at].clone();
                let (module, name) = (text(module), text(name));
                self.global(&module, &name)?
            }
            // BUILD sets attributes: an OrderedDict of tensors has the modules' versions there.
            b'b' => {
                let state = self.pop()?;
                if let Some(Value::Object(object)) = self.stack.last() {
                    self.objects[*object].state = state;
                }
                return Ok(());
            }
            b'Q' => {
                let name = self.pop()?;
                self.storage(name)?
            }
            b'P' => {
                bytes.line()?;
                self.object(Value::None, Value::None)
            }
            b'i' => {
                let (module, name) = (bytes.line()?, bytes.line()?);
                let class = self.global(&module, &name)?;
                let items = self.pop_to_mark()?;
                let arguments = Value::Tuple(push(&mut self.tuples, items));
                self.made_by(class, arguments)?
            }
            b'o' => {
                let mut items = self.pop_to_mark()?;
                if items.is_empty() {
                    return Err(PickleError::Operand);
                }
                let class = items.remove(0);
                let arguments = Value::Tuple(push(&mut self.tuples, items));
                self.made_by(class, arguments)?
            }
            // With named arguments, which are passed over.
            0x92 => {
                let (_, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.made_by(class, arguments)?
            }
            _ => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.made_by(function, arguments)?
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<Value> {
        if let Some(known) = Global::known(module, name) {
            return Ok(Value::Global(known));
        }
        let full = Global::other(module, name)?;
        match self.text_of(full.as_bytes()) {
            Value::Text(name) => Ok(Value::Global(Global::Other(name))),
            _ => Err(PickleError::Operand),
        }
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
        match self.stack.last() {
            Some(Value::List(list)) => self.lists[*list].extend(items),
            Some(Value::Object(object)) => self.objects[*object].items.extend(items),
            _ => return Err(PickleError::Operand),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Value]) -> Result<()> {
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(PickleError::Operand);
        };
        let entries = match self.stack.last() {
            Some(Value::Dict(dict)) => &mut self.dicts[*dict],
            Some(Value::Object(object)) => &mut self.objects[*object].entries,
            _ => return Err(PickleError::Operand),
        };
        entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_integers_keep_their_sign() {
        assert_eq!(long(&[0xfe]), Value::Int(-2));
        assert_eq!(long(&[0, 1]), Value::Int(256));
        assert_eq!(long(&[]), Value::Int(0));
        assert_eq!(long(&[1; 9]), Value::Other);
    }
}
