//! The C interface between provider and host: `include/signoff_provider.h`, mirrored.
