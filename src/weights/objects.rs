//! The tensors in what was unpickled, each by the keys that lead to it.
//!
//! Training scripts put a network's state wherever they like: under one key or three, beside the
//! optimizer's, in lists, in objects of their own. All of it is walked, each dict once.

use std::collections::{HashMap, HashSet};

use super::contents::Group;
use super::damage::Damage;
use super::pickle::{Object, Pickle, Value};

/// Dicts within dicts that are followed.
const MAX_DEPTH: usize = 16;
/// All names together, in bytes, beside as many as the pickle's texts have: tenfold what the largest
/// networks' do.
const MAX_NAMES: usize = 8 << 20;
/// Keys beside the tensors that are told.
const MAX_BESIDE: usize = 64;

/// What was found.
#[derive(Default)]
pub struct Named {
    /// Names, and numbers of entries of [`Pickle::tensors`].
    pub tensors: Vec<(String, usize)>,
    pub groups: Vec<Group>,
    pub beside: Vec<String>,
    /// The class of a pickled module that was met.
    pub module: Option<String>,
}

/// All tensors in `pickle`.
///
/// # Errors
/// [`Damage::TooMuch`] where their names would take far more memory than the pickle has.
pub fn named(pickle: &Pickle) -> Result<Named, Damage> {
    let texts: usize = pickle.texts.iter().map(String::len).sum();
    let mut walk = Walk {
        pickle,
        found: Named::default(),
        seen: HashSet::new(),
        names_left: MAX_NAMES + texts,
    };
    walk.value(pickle.root, &mut String::new(), MAX_DEPTH)?;
    let mut found = walk.found;
    if let Value::Dict(dict) = pickle.root {
        let keys = pickle.dicts[dict]
            .iter()
            .filter_map(|(key, _)| pickle.text(*key));
        let mut told = HashSet::new();
        let is_beside = |key: &&str| {
            let start = format!("{key}.");
            let lies = |(name, _): &(String, usize)| name == key || name.starts_with(&start);
            told.insert((*key).to_owned()) && !found.tensors.iter().any(lies)
        };
        // Looked at often: of a dict without end the first few.
        let keys = keys.take(MAX_BESIDE).filter(|key| key.len() < 100);
        found.beside = keys.filter(is_beside).map(str::to_owned).collect();
    }
    Ok(found)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    found: Named,
    /// What was walked: a dict may hold itself, under any number of names.
    seen: HashSet<(u8, usize)>,
    names_left: usize,
}

impl Walk<'_> {
    fn value(&mut self, value: Value, path: &mut String, depth: usize) -> Result<(), Damage> {
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(());
        };
        let pickle = self.pickle;
        let number = match value {
            Value::Dict(dict) => Some((0, dict)),
            Value::List(list) => Some((1, list)),
            Value::Tuple(tuple) => Some((2, tuple)),
            Value::Object(object) => Some((3, object)),
            _ => None,
        };
        if number.is_some_and(|number| !self.seen.insert(number)) {
            return Ok(());
        }
        match value {
            Value::Dict(dict) => self.entries(&pickle.dicts[dict], path, depth),
            Value::List(list) => self.items(&pickle.lists[list], path, depth),
            Value::Tuple(tuple) => self.items(&pickle.tuples[tuple], path, depth),
            Value::Object(object) => self.object(&pickle.objects[object], path, depth),
            Value::Tensor(at) => self.tensor(path.clone(), at),
            _ => Ok(()),
        }
    }

    /// What an object was made of, what it holds and what its attributes are, as if they were all
    /// entries of one dict.
    fn object(&mut self, object: &Object, path: &mut String, depth: usize) -> Result<(), Damage> {
        let pickle = self.pickle;
        let is_module = |part| pickle.entry(object.state, part).is_some();
        if is_module("_modules") && is_module("_parameters") {
            let class = object.class.map(|name| pickle.texts[name].clone());
            self.found.module.get_or_insert(class.unwrap_or_default());
            return Ok(());
        }
        self.entries(&object.entries, path, depth)?;
        self.items(&object.items, path, depth)?;
        for part in [object.arguments, object.state] {
            match part {
                Value::Dict(_) => self.value(part, path, depth)?,
                Value::Tuple(tuple) => {
                    let dicts = pickle.tuples[tuple].iter();
                    for part in dicts.filter(|part| matches!(part, Value::Dict(_))) {
                        self.value(*part, path, depth)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn entries(
        &mut self,
        entries: &[(Value, Value)],
        path: &mut String,
        depth: usize,
    ) -> Result<(), Damage> {
        let pickle = self.pickle;
        // The last word about a key counts. By number, so that a long name is copied once.
        let mut last: HashMap<(bool, i64), (usize, Value)> = HashMap::new();
        for (place, (key, value)) in entries.iter().enumerate() {
            let key = match key {
                Value::Text(name) => (true, *name as i64),
                Value::Int(number) => (false, *number),
                _ => continue,
            };
            if is_walked(*value) {
                last.insert(key, (place, *value));
            }
        }
        let mut last: Vec<((bool, i64), (usize, Value))> = last.into_iter().collect();
        last.sort_by_key(|(_, (place, _))| *place);
        let named = last.into_iter().map(|((is_text, key), (_, value))| {
            let name = if is_text {
                pickle.texts[key as usize].as_str().into()
            } else {
                key.to_string().into()
            };
            (name, value)
        });
        self.children(named, path, depth)
    }

    fn items(&mut self, items: &[Value], path: &mut String, depth: usize) -> Result<(), Damage> {
        let walked = items
            .iter()
            .enumerate()
            .filter(|(_, item)| is_walked(**item));
        let named = walked.map(|(place, item)| (place.to_string().into(), *item));
        self.children(named, path, depth)
    }

    fn children<'a>(
        &mut self,
        children: impl Iterator<Item = (std::borrow::Cow<'a, str>, Value)>,
        path: &mut String,
        depth: usize,
    ) -> Result<(), Damage> {
        let len = path.len();
        let mut tensors = 0;
        // Dicts that hold tensors themselves are told before those in them.
        let place = self.found.groups.len();
        for (name, value) in children {
            if name.len() > super::MAX_NAME {
                continue;
            }
            path.push_str(&name);
            if let Value::Tensor(at) = value {
                tensors += 1;
                self.tensor(path.clone(), at)?;
            } else {
                path.push('.');
                self.spend(path.len())?;
                self.value(value, path, depth)?;
            }
            path.truncate(len);
        }
        if tensors > 0 {
            let prefix = path.clone();
            self.found.groups.insert(place, Group { prefix, tensors });
        }
        Ok(())
    }

    fn tensor(&mut self, name: String, at: usize) -> Result<(), Damage> {
        self.spend(name.len())?;
        self.found.tensors.push((name, at));
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Damage> {
        let left = self.names_left.checked_sub(bytes);
        self.names_left = left.ok_or(Damage::TooMuch)?;
        Ok(())
    }
}

const fn is_walked(value: Value) -> bool {
    matches!(
        value,
        Value::Dict(_) | Value::List(_) | Value::Tuple(_) | Value::Object(_) | Value::Tensor(_)
    )
}
