//! What `data/schemas/` says, held against what the command prints. Knows the keywords that our
//! schemas use and fails on others, so that none of them is only decoration.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Keywords that say something to people and nothing about a value.
const WORDS: [&str; 5] = ["$schema", "$id", "title", "description", "$defs"];

/// A kind's schema.
pub struct Schema {
    kind: String,
    root: Value,
}

impl Schema {
    /// The schema of a kind of document.
    pub fn of(kind: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/schemas");
        let file = folder.join(format!("{kind}.schema.json"));
        let text = fs::read(&file).unwrap_or_else(|_| panic!("no schema of kind `{kind}`"));
        Self {
            kind: kind.to_owned(),
            root: serde_json::from_slice(&text).unwrap(),
        }
    }

    /// Every schema there is.
    pub fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/schemas");
        let names = fs::read_dir(folder).unwrap().map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".schema.json").unwrap().to_owned()
        });
        names.map(|kind| Self::of(&kind)).collect()
    }

    /// Every property that it describes, as a pointer into the schema.
    pub fn properties(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        properties(&self.root, &format!("{}#", self.kind), &mut found);
        found
    }

    /// Fails unless the value is as the schema says; the properties it has are added to `seen`.
    pub fn check(&self, value: &Value, seen: &mut BTreeSet<String>) {
        let wrong = self.wrong(&self.root, value, "#", seen);
        assert!(
            wrong.is_empty(),
            "{}: {}\n{value:#}",
            self.kind,
            wrong.join("\n")
        );
    }

    /// What is wrong with a value by the part of the schema at `at`.
    fn wrong(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for (keyword, said) in schema.as_object().unwrap() {
            let says_no = |what: &str| format!("{at}: {value} is not {what} {said}");
            let number = |than: fn(f64, f64) -> bool, what: &str| {
                let holds = value
                    .as_f64()
                    .is_none_or(|it| than(it, said.as_f64().unwrap()));
                (!holds).then(|| says_no(what))
            };
            let count = |than: fn(u64, u64) -> bool, what: &str| {
                let items = value.as_array().map(|items| items.len() as u64);
                let holds = items.is_none_or(|it| than(it, said.as_u64().unwrap()));
                (!holds).then(|| says_no(what))
            };
            match keyword.as_str() {
                word if WORDS.contains(&word) => {}
                "type" if is_of(value, said) => {}
                "type" => wrong.push(says_no("of type")),
                "const" if value == said => {}
                "const" => wrong.push(says_no("")),
                "enum" if said.as_array().unwrap().contains(value) => {}
                "enum" => wrong.push(says_no("one of")),
                "minimum" => wrong.extend(number(|it, least| it >= least, "at least")),
                "maximum" => wrong.extend(number(|it, most| it <= most, "at most")),
                "minItems" => wrong.extend(count(|it, least| it >= least, "so many as")),
                "maxItems" => wrong.extend(count(|it, most| it <= most, "so few as")),
                "pattern" => {
                    let fits = value.as_str().is_none_or(|text| fits(text, said));
                    wrong.extend((!fits).then(|| says_no("like")));
                }
                "$ref" => {
                    let to = said.as_str().unwrap();
                    let part = self.root.pointer(&to[1..]).unwrap();
                    wrong.extend(self.wrong(part, value, to, seen));
                }
                "anyOf" => wrong.extend(self.any_of(said, value, at, seen)),
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        wrong.extend(self.wrong(said, item, &format!("{at}/items"), seen));
                    }
                }
                "required" => {
                    for name in said.as_array().unwrap() {
                        let is_there = value.get(name.as_str().unwrap()).is_some();
                        wrong.extend((!is_there).then(|| format!("{at}: no {name} in {value}")));
                    }
                }
                "properties" | "additionalProperties" => {}
                other => panic!(
                    "{}: {at}: the keyword `{other}` is not known here",
                    self.kind
                ),
            }
        }
        if schema["type"] == "object" {
            wrong.extend(self.members(schema, value, at, seen));
        }
        wrong
    }

    fn any_of(
        &self,
        schemas: &Value,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for (number, schema) in schemas.as_array().unwrap().iter().enumerate() {
            let mut seen_so = BTreeSet::new();
            let so = self.wrong(schema, value, &format!("{at}/anyOf/{number}"), &mut seen_so);
            if so.is_empty() {
                seen.extend(seen_so);
                return Vec::new();
            }
            wrong.extend(so);
        }
        wrong
    }

    /// Each member of an object is described, and is as described.
    fn members(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let others = &schema["additionalProperties"];
        for (name, member) in value.as_object().into_iter().flatten() {
            let place = format!("{at}/properties/{name}");
            if let Some(described) = schema["properties"].get(name) {
                seen.insert(format!("{}{place}", self.kind));
                wrong.extend(self.wrong(described, member, &place, seen));
            } else if others.is_object() {
                wrong.extend(self.wrong(others, member, &place, seen));
            } else {
                wrong.push(format!("{at}: `{name}` is not described"));
            }
        }
        wrong
    }
}

fn is_of(value: &Value, types: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("there is no type `{other}`"),
    };
    types
        .as_array()
        .map_or_else(|| is(types), |types| types.iter().any(is))
}

/// The two patterns that we have.
fn fits(text: &str, pattern: &Value) -> bool {
    let is_hex = text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    match pattern.as_str().unwrap() {
        "^[0-9a-f]{64}$" => is_hex && text.len() == 64,
        "^([0-9a-f]{2})+$" => is_hex && !text.is_empty() && text.len().is_multiple_of(2),
        other => panic!("the pattern {other} is not known here"),
    }
}

fn properties(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, described) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{at}/properties/{name}");
        assert!(
            described["description"].is_string(),
            "{place} has no description"
        );
        found.insert(place);
    }
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                properties(member, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                properties(item, &format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// Holds what a command printed against its schema: an object, a list of them, or one on each line.
pub fn check(printed: &[u8], seen: &mut BTreeSet<String>) {
    let documents = serde_json::Deserializer::from_slice(printed).into_iter::<Value>();
    for document in documents {
        let document = document.expect("what is printed with --json is JSON");
        let listed = document
            .as_array()
            .map_or_else(|| vec![&document], |list| list.iter().collect());
        for one in listed {
            Schema::of(one["kind"].as_str().unwrap()).check(one, seen);
        }
    }
}

#[test]
fn what_a_schema_does_not_say_is_found() {
    let schema = Schema::of("removal");
    let wrong = |text: &str| {
        let value = serde_json::from_str(text).unwrap();
        schema
            .wrong(&schema.root, &value, "#", &mut BTreeSet::new())
            .len()
    };
    let right = r#"{"version":1,"kind":"removal","removed":[{"path":"a","absolute":"/a"}],"unknown":[],"photos":3}"#;
    assert_eq!(wrong(right), 0);
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"photos\":3", "\"photos\":-3"),
        ("\"photos\":3", "\"photos\":3.5"),
        ("\"photos\":3", "\"photo\":3,\"photos\":3"),
        ("\"absolute\":\"/a\"", "\"absolute\":1"),
        (
            "\"absolute\":\"/a\"",
            "\"absolute\":null,\"absolute_hex\":\"0\"",
        ),
        (",\"absolute\":\"/a\"", ""),
        ("\"unknown\":[],", ""),
    ] {
        assert_eq!(wrong(&right.replace(from, to)), 1, "{to}");
    }
}
