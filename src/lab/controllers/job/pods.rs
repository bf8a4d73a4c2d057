//! The pods of a job.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod};
use kube::ResourceExt;

use super::{View, indexes::INDEX};
use crate::lab::controllers::owned::{pod_of, random_name, with_label};

impl View<'_> {
    /// Makes a pod.
    pub(super) fn pod(&self) -> Pod {
        let name = self.job.name_any();
        let mut pod = pod_of(self.job, &self.spec.template, random_name(&name));
        let uid = self.job.uid().unwrap_or_default();
        let mut labels = pod.metadata.labels.take();
        for (key, value) in [("job-name", &name), ("controller-uid", &uid)] {
            labels = with_label(labels, key, value);
            labels = with_label(labels, &format!("batch.kubernetes.io/{key}"), value);
        }
        pod.metadata.labels = labels;
        pod
    }

    /// Makes the pod of an index.
    pub(super) fn indexed(&self, index: i32) -> Pod {
        let name = format!("{}-{index}", self.job.name_any());
        let mut pod = self.pod();
        pod.metadata.name = Some(random_name(&name));
        pod.metadata.labels = with_label(pod.metadata.labels.take(), INDEX, &index.to_string());
        let annotations = pod.metadata.annotations.take();
        pod.metadata.annotations = with_label(annotations, INDEX, &index.to_string());
        if let Some(spec) = &mut pod.spec {
            spec.hostname = Some(name);
            let path = format!("metadata.annotations['{INDEX}']");
            let variable = EnvVar {
                name: "JOB_COMPLETION_INDEX".to_owned(),
                value_from: Some(EnvVarSource {
                    field_ref: Some(ObjectFieldSelector { api_version: None, field_path: path }),
                    ..EnvVarSource::default()
                }),
                ..EnvVar::default()
            };
            for container in
                spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten())
            {
                container.env.get_or_insert_default().push(variable.clone());
            }
        }
        pod
    }
}
