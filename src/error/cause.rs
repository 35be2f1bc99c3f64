//! What the errors of all rooms are made of.

/// The cause beneath an error, from a library whose types are not part of our interface.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// The end of a message about an unknown name.
pub fn or_nearest(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (is it `{name}`?)"))
}
