//! Files in folders of the server's own, for operators. Off, unless whoever runs the registry names a folder: what
//! is read so is read with the rights of the registry's process.
//!
//! Nothing outside of a named folder is read. A path is of plain segments, and each is opened beneath the descriptor
//! of the one before, the first beneath that of the named folder, and never through a link: whoever may write there
//! gains nothing by putting a link in the place of what was looked at. Names of files and folders are told by their
//! paths in the package, never by their places on the server.
//!
//! | module | what |
//! |---|---|
//! | [`apart`] | places that none of them may hold or lie in |
//! | [`roots`] | the folders that were named, each opened once |
//! | `walk` | every file below a path, none through a link |
//! | `reading` | the bytes of one file, which must not change meanwhile |

pub mod apart;
mod reading;
pub mod roots;
mod walk;

pub use apart::KeptApart;
pub(crate) use reading::LocalFile;
pub use roots::LocalRoots;
pub(crate) use walk::{Source, walk};
