//! The bytes of an HDF5 file, or of one within another, handed out until too many were asked for.
//!
//! Its parts refer to each other by address, so that few bytes can be read without end: a tree whose
//! nodes are its own children, a header that goes on in itself, a thousand names that all begin in
//! one long text. Whoever wrote the file chose the addresses, so what is read and what is made of
//! it is counted, and may be no more than some multiple of the file.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use hdf5_reader::error::{Error, Result};
use hdf5_reader::storage::{FileStorage, Storage, StorageBuffer};

/// What any file may take, in bytes, and how often its own length beside that.
const LEAST: u64 = 64 << 20;
const MULTIPLE: u64 = 4;
/// A file that claims to be longer gets no more for that.
const LONGEST: u64 = 1 << 30;
/// What a reading costs beside its bytes.
const COST: u64 = 256;
/// What a member costs beside its name: it becomes a group or a dataset.
const MEMBER: u64 = 1024;
/// How a node of a group's members begins, and the bytes before the first member.
const MEMBERS: &[u8] = b"SNOD";
const BEFORE_MEMBERS: usize = 24;

/// A file's bytes, and what is left of the budget for them.
pub struct Metered {
    file: FileStorage,
    /// Where it lies in the file.
    bytes: Range<u64>,
    account: Mutex<Account>,
}

struct Account {
    left: u64,
    /// Members of the group that is being read, whose names are not yet.
    members: u64,
    /// The length of the text that holds their names, of which each may be the whole.
    names: u64,
}

impl Metered {
    pub fn new(file: FileStorage, bytes: Range<u64>) -> Self {
        let end = bytes.end.min(file.len());
        let bytes = bytes.start.min(end)..end;
        let left = LEAST + MULTIPLE * (end - bytes.start).min(LONGEST);
        let (members, names) = (0, 0);
        Self {
            file,
            bytes,
            account: Mutex::new(Account {
                left,
                members,
                names,
            }),
        }
    }
}

impl Storage for Metered {
    fn len(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer> {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        account.spend(COST.saturating_add(len as u64))?;
        let end = offset.checked_add(len as u64);
        if end.is_none_or(|end| end > self.len()) {
            return Err(Error::UnexpectedEof {
                offset,
                needed: len as u64,
                available: self.len().saturating_sub(offset),
            });
        }
        let bytes = self.file.read_range(self.bytes.start + offset, len)?;
        account.note(&bytes)?;
        drop(account);
        Ok(bytes)
    }
}

impl Account {
    fn spend(&mut self, bytes: u64) -> Result<()> {
        let left = self.left.checked_sub(bytes);
        let too_much = || Error::Other("it refers to itself far more often than it could".into());
        self.left = left.ok_or_else(too_much)?;
        Ok(())
    }

    /// The reader takes a node of members, then the text with their names, then further nodes.
    fn note(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.starts_with(MEMBERS) {
            if bytes.len() > BEFORE_MEMBERS {
                let count = u64::from(u16::from_le_bytes([bytes[6], bytes[7]]));
                self.members += count;
                self.spend(count.saturating_mul(MEMBER.saturating_add(self.names)))?;
            }
        } else if self.members > 0 && self.names == 0 {
            self.names = bytes.len() as u64;
            self.spend(self.members.saturating_mul(self.names))?;
        } else {
            (self.members, self.names) = (0, 0);
        }
        Ok(())
    }
}
