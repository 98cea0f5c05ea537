//! stub
use super::*;
pub struct ParquetTarget;
impl ParquetTarget { pub fn create(_p: &Path, _plan: Arc<Plan>, _s: String) -> Result<ScriptTarget> { todo!() } }
