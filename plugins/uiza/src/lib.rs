//! The Uiza provider as a library that signoff loads at run time.
//!
//! Nothing is here but the exported function, so that nothing else can link it twice.

signoff_core::export_provider!(signoff_uiza::Uiza, signoff_uiza::DESCRIPTOR);
