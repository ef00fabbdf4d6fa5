//! The dispatcher as a whole, in virtual time, over a transport that follows a script.
