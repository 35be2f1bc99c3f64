//! A gallery's newest snapshot together with the extractor that belongs to it: ask, and be answered.
//!
//! ```no_run
//! use imgsearch::Searcher;
//!
//! let searcher = Searcher::open(".imgsearch")?;
//! for found in searcher.like("cat.jpg")?.unlike("dog.jpg")?.k(10).run()? {
//!     println!("{:.4}  {}", found.similarity, found.record.path.display());
//! }
//! # Ok::<(), imgsearch::Error>(())
//! ```

mod answer;
mod example;
mod query;
mod searcher;

pub use self::answer::{Answer, Asked, PassedOver};
pub use self::example::Example;
pub use self::query::{Query, UNLIKE_WEIGHT};
pub use self::searcher::Searcher;
