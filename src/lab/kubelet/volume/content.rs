//! The files of volumes that are made of the cluster's objects.

use std::{collections::BTreeMap, io};

use k8s_openapi::{
    ByteString,
    api::core::v1::{
        ConfigMap, DownwardAPIVolumeFile, KeyToPath, Secret, Volume, VolumeProjection,
    },
};
use kube::ResourceExt;

use super::{Volumes, tokens};
use crate::lab::kubelet::field::{self, Missing};

/// Files by their path below the volume, with their modes.
pub(super) type Content = BTreeMap<String, (Vec<u8>, u32)>;

/// Mode of files for which nobody gives one.
const MODE: i32 = 0o644;

/// The files of a volume cannot be had.
#[derive(Debug, thiserror::Error)]
pub(in crate::lab::kubelet) enum ContentError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("references non-existent config key: {key}")]
    Key { key: String },
    #[error("failed to fetch token: {0}")]
    Token(#[source] Box<kube::Error>),
    #[error("cannot write its files: {0}")]
    Files(#[from] io::Error),
}

impl Volumes {
    /// Returns a volume's files; none when it is a place to write.
    pub(super) async fn content(
        &mut self,
        volume: &Volume,
    ) -> Result<Option<Content>, ContentError> {
        let mut content = Content::new();
        if let Some(source) = &volume.config_map {
            let mode = source.default_mode.unwrap_or(MODE);
            let optional = source.optional == Some(true);
            let pick = Pick { items: source.items.as_deref(), mode, optional };
            self.config_map(&source.name, &pick, &mut content)?;
        } else if let Some(source) = &volume.secret {
            let mode = source.default_mode.unwrap_or(MODE);
            let optional = source.optional == Some(true);
            let pick = Pick { items: source.items.as_deref(), mode, optional };
            let name = source.secret_name.clone().unwrap_or_default();
            self.secret(&name, &pick, &mut content)?;
        } else if let Some(source) = &volume.downward_api {
            let mode = source.default_mode.unwrap_or(MODE);
            self.downward(source.items.as_deref().unwrap_or_default(), mode, &mut content);
        } else if let Some(source) = &volume.projected {
            let mode = source.default_mode.unwrap_or(MODE);
            for (index, source) in source.sources.iter().flatten().enumerate() {
                self.projected(&volume.name, index, source, mode, &mut content).await?;
            }
        } else {
            return Ok(None);
        }
        Ok(Some(content))
    }

    async fn projected(
        &mut self,
        volume: &str,
        index: usize,
        source: &VolumeProjection,
        mode: i32,
        content: &mut Content,
    ) -> Result<(), ContentError> {
        if let Some(map) = &source.config_map {
            let optional = map.optional == Some(true);
            let pick = Pick { items: map.items.as_deref(), mode, optional };
            self.config_map(&map.name, &pick, content)?;
        }
        if let Some(secret) = &source.secret {
            let optional = secret.optional == Some(true);
            let pick = Pick { items: secret.items.as_deref(), mode, optional };
            self.secret(&secret.name, &pick, content)?;
        }
        if let Some(fields) = &source.downward_api {
            self.downward(fields.items.as_deref().unwrap_or_default(), mode, content);
        }
        if let Some(wanted) = &source.service_account_token {
            let key = (volume.to_owned(), index);
            let kept = self.tokens.remove(&key);
            let token = tokens::current(&self.host, &self.pod, wanted, kept).await?;
            content.insert(wanted.path.clone(), (token.text.clone().into_bytes(), bits(mode)));
            self.tokens.insert(key, token);
        }
        Ok(())
    }

    fn config_map(
        &self,
        name: &str,
        pick: &Pick<'_>,
        content: &mut Content,
    ) -> Result<(), ContentError> {
        let namespace = self.pod.namespace().unwrap_or_default();
        match self.host.shared.cluster.config_maps.one(&namespace, name) {
            Some(map) => pick.take(data_of_map(&map), content),
            None if pick.optional => Ok(()),
            None => Err(Missing::ConfigMap { name: name.to_owned() }.into()),
        }
    }

    fn secret(
        &self,
        name: &str,
        pick: &Pick<'_>,
        content: &mut Content,
    ) -> Result<(), ContentError> {
        let namespace = self.pod.namespace().unwrap_or_default();
        match self.host.shared.cluster.secrets.one(&namespace, name) {
            Some(secret) => pick.take(data_of_secret(&secret), content),
            None if pick.optional => Ok(()),
            None => Err(Missing::Secret { name: name.to_owned() }.into()),
        }
    }

    fn downward(&self, items: &[DownwardAPIVolumeFile], mode: i32, content: &mut Content) {
        for item in items {
            let value = if let Some(reference) = &item.field_ref {
                field::of_pod(&self.host, &self.pod, &[], &reference.field_path)
            } else {
                item.resource_field_ref.as_ref().and_then(|reference| {
                    let divisor = reference.divisor.as_ref().map_or("", |one| one.0.as_str());
                    let name = reference.container_name.as_deref();
                    let spec = self.pod.spec.as_ref()?;
                    let mut containers = spec.containers.iter();
                    let container = containers.find(|one| Some(one.name.as_str()) == name)?;
                    field::of_resources(container, &reference.resource, divisor)
                })
            };
            let mode = bits(item.mode.unwrap_or(mode));
            content.insert(item.path.clone(), (value.unwrap_or_default().into_bytes(), mode));
        }
    }
}

fn bits(mode: i32) -> u32 {
    u32::try_from(mode).unwrap_or(0o644) & 0o777
}

fn data_of_map(map: &ConfigMap) -> BTreeMap<String, Vec<u8>> {
    let text = map.data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into()));
    let binary = map.binary_data.iter().flatten();
    text.chain(binary.map(|(key, ByteString(value))| (key.clone(), value.clone()))).collect()
}

fn data_of_secret(secret: &Secret) -> BTreeMap<String, Vec<u8>> {
    let data = secret.data.iter().flatten();
    data.map(|(key, ByteString(value))| (key.clone(), value.clone())).collect()
}

/// Which keys become files.
struct Pick<'a> {
    /// None: all of them, under their own names.
    items: Option<&'a [KeyToPath]>,
    mode: i32,
    optional: bool,
}

impl Pick<'_> {
    fn take(
        &self,
        mut data: BTreeMap<String, Vec<u8>>,
        content: &mut Content,
    ) -> Result<(), ContentError> {
        let Some(items) = self.items.filter(|items| !items.is_empty()) else {
            let mode = bits(self.mode);
            content.extend(data.into_iter().map(|(key, value)| (key, (value, mode))));
            return Ok(());
        };
        for item in items {
            match data.remove(&item.key) {
                Some(value) => {
                    let mode = bits(item.mode.unwrap_or(self.mode));
                    content.insert(item.path.clone(), (value, mode));
                }
                None if self.optional => {}
                None => return Err(ContentError::Key { key: item.key.clone() }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_choose_keys_and_missing_ones_are_named() {
        let data = || BTreeMap::from([("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])]);
        let mut content = Content::new();
        let all = Pick { items: None, mode: 0o600, optional: false };
        all.take(data(), &mut content).unwrap();
        assert_eq!(content["b"], (vec![2], 0o600));
        let item =
            |key: &str| KeyToPath { key: key.into(), path: "x/y".into(), ..KeyToPath::default() };
        let mut content = Content::new();
        let one = [item("a")];
        Pick { items: Some(&one), mode: MODE, optional: false }.take(data(), &mut content).unwrap();
        assert_eq!(content, Content::from([("x/y".to_owned(), (vec![1], 0o644))]));
        let none = [item("c")];
        let pick = Pick { items: Some(&none), mode: MODE, optional: false };
        let error = pick.take(data(), &mut content).unwrap_err().to_string();
        assert_eq!(error, "references non-existent config key: c");
    }
}
