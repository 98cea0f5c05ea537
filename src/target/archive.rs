//! stub
use super::*;
pub enum ArchiveFormat {
    Custom,
    Directory,
}
pub struct ArchiveTarget;
impl ArchiveTarget {
    pub fn create(_p: &Path, _f: ArchiveFormat, _plan: Arc<Plan>) -> Result<ScriptTarget> {
        todo!()
    }
}
