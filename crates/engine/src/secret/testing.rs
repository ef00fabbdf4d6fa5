//! The process around the engine, as tests would have it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Environment, Secret};

/// Variables that are given, and a person who says the same whenever asked; counts how often it is asked.
#[derive(Default)]
pub(crate) struct FakeEnvironment {
    variables: BTreeMap<String, String>,
    answer: Option<String>,
    asked: AtomicUsize,
}

impl FakeEnvironment {
    pub(crate) fn with_variable(name: &str, value: &str) -> Arc<Self> {
        Arc::new(Self {
            variables: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..Self::default()
        })
    }

    /// `None` declines.
    pub(crate) fn with_answer(answer: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            answer: answer.map(str::to_owned),
            ..Self::default()
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Environment for FakeEnvironment {
    fn variable(&self, name: &str) -> Option<Secret> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.variables.get(name).cloned().map(Secret::new)
    }

    fn prompt(&self, label: &str) -> io::Result<Secret> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self
            .answer
            .as_ref()
            .ok_or_else(|| io::Error::other(format!("`{label}`: declined")))?;
        Ok(Secret::new(answer.clone()))
    }
}
