//! Counts the connections that a client opens. A connection costs a vendor more than a request, and one that is opened
//! for each request is a mistake that nobody would see otherwise.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tower::{Layer, Service};

/// A layer around whatever opens connections. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct CountConnections(Arc<AtomicU64>);

impl CountConnections {
    /// How many were opened so far, TLS included.
    pub(super) fn opened(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Layer<S> for CountConnections {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            count: self.clone(),
        }
    }
}

/// Opens connections, and counts them.
#[derive(Debug, Clone)]
pub(super) struct Counted<S> {
    inner: S,
    count: CountConnections,
}

impl<S, R> Service<R> for Counted<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let opening = self.inner.call(request);
        let count = self.count.clone();
        Box::pin(async move {
            let connection = opening.await?;
            count.0.fetch_add(1, Ordering::Relaxed);
            Ok(connection)
        })
    }
}
