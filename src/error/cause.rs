//! What the errors of all rooms are made of.

/// The cause beneath an error, from a library whose types are not part of our interface.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// What a library says is told as far as anyone would read it: some print all they were given.
const LONGEST: usize = 300;

/// The same cause if it is told in a line or two; else the beginning of what it says.
pub fn bounded(source: Source) -> Source {
    let said = source.to_string();
    if said.len() <= LONGEST {
        return source;
    }
    let beginning = said.chars().take(LONGEST).chain(['…']);
    beginning.collect::<String>().into()
}

/// The end of a message about an unknown name.
pub fn or_nearest(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (is it `{name}`?)"))
}
