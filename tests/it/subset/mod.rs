//! Which rows are in a subset: the engine against the definition, on databases that are made up.

mod database;
mod oracle;
mod random;

mod cases;
mod fuzz;
mod large;
