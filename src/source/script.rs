//! stub
use super::*;
pub enum Input { File(std::path::PathBuf), Spool(Spool) }
pub struct ScriptSource;
impl ScriptSource { pub fn open(_p: Input) -> Result<archive::ArchiveSource> { todo!() } }
pub struct Spool;
impl Spool { pub fn of(_r: impl Read, _t: &Path) -> Result<Self> { todo!() } pub fn starts_with(&self, _b: &[u8]) -> bool { false } }
