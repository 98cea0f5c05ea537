//! What crosses modules, through the public interface.

mod functions;
