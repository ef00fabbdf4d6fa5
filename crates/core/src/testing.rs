//! Driving a provider by hand: for step tests, which run unchanged on a linked provider and on a loaded one.

use crate::{Args, Class, Context, Error, Now, Operation, Provider, Response};

/// A provider under test, however it was come by.
pub trait Subject {
    /// As [`Provider::start`].
    ///
    /// # Errors
    /// As there.
    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Box<dyn Operation>, Error>;

    /// As [`Provider::classify`].
    fn classify(&self, response: &Response<'_>) -> Class;
}

impl<P: Provider> Subject for P {
    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Box<dyn Operation>, Error> {
        Ok(Box::new(Provider::start(self, operation, args, context, now)?))
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        Provider::classify(self, response)
    }
}
