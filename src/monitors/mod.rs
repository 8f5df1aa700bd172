//! Website checks, as far as they are made: whom we may ask at all (`guard`) and what one check finds (`probe`). What a
//! finding means for a service is the domain's business.

pub mod guard;
pub mod probe;
