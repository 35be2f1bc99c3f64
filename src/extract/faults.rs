//! A device that fails when told to: for the tests of what happens then.

use std::sync::Mutex;

use crate::error::NetworkError;
use crate::photo::Pixels;

type Told = Box<dyn FnMut(&[Pixels]) -> Option<NetworkError> + Send>;

/// Asked before every pass, with its pictures.
pub struct Faults(Mutex<Told>);

impl Faults {
    pub fn new(told: impl FnMut(&[Pixels]) -> Option<NetworkError> + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(told)))
    }

    pub fn meet(&self, group: &[Pixels]) -> Result<(), NetworkError> {
        let mut told = self.0.lock().unwrap();
        (*told)(group).map_or(Ok(()), Err)
    }
}
