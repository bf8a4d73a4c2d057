//! Who asks, and what they may see.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use futures::future::BoxFuture;
use tonic::{Status, metadata::MetadataMap};

/// Somebody who asks, as the cluster knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User {
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// What else the cluster knows of them.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Why somebody is not shown anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token is of nobody.
    #[error("the cluster does not know the token")]
    Token,
    /// Nobody can tell now.
    #[error("the cluster cannot be asked who may see flows: {0}")]
    Unavailable(String),
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Token => Self::unauthenticated(denied.to_string()),
            Denied::Unavailable(_) => Self::unavailable(denied.to_string()),
        }
    }
}

/// Says who may see what. Answers may be a minute old.
pub trait Access: fmt::Debug + Send + Sync + 'static {
    /// Returns whose token it is.
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Arc<User>, Denied>>;

    /// Tells whether a user may read the pods of a namespace; none means of all.
    fn may_see<'a>(
        &'a self,
        user: &'a Arc<User>,
        namespace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Denied>>;
}

/// What somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::relay) enum Sight {
    /// Everything, also what is in no namespace.
    All,
    /// What is in these namespaces.
    Only(BTreeSet<String>),
}

/// Somebody with a token.
#[derive(Clone, Debug)]
pub(in crate::relay) struct Viewer {
    access: Arc<dyn Access>,
    token: String,
}

impl Viewer {
    /// Reads who asks, and finds out whether the token is good.
    ///
    /// # Errors
    /// When there is no token, or it is of nobody.
    pub(in crate::relay) async fn of(
        access: &Arc<dyn Access>,
        metadata: &MetadataMap,
    ) -> Result<Self, Status> {
        let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            let text = "flows are shown by namespace here: send `authorization: Bearer TOKEN`";
            return Err(Status::unauthenticated(text));
        };
        let viewer = Self { access: Arc::clone(access), token };
        viewer.access.user(&viewer.token).await?;
        Ok(viewer)
    }

    /// Tells which of some namespaces may be seen. The token is looked at again: it may have ended.
    ///
    /// # Errors
    /// When it has, or nobody can tell.
    pub(in crate::relay) async fn sight(
        &self,
        namespaces: impl FnOnce() -> BTreeSet<String>,
    ) -> Result<Sight, Denied> {
        let user = self.access.user(&self.token).await?;
        if self.access.may_see(&user, None).await? {
            return Ok(Sight::All);
        }
        let mut seen = BTreeSet::new();
        for namespace in namespaces() {
            if self.access.may_see(&user, Some(&namespace)).await? {
                seen.insert(namespace);
            }
        }
        Ok(Sight::Only(seen))
    }
}
