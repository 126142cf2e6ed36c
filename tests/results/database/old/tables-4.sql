BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE sedn_epoch (
	trial_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	mean_auc DOUBLE NOT NULL, 
	mean_auc_stderr DOUBLE, 
	train_loss DOUBLE, 
	seconds DOUBLE NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	PRIMARY KEY (trial_id, epoch), 
	FOREIGN KEY(trial_id) REFERENCES sedn_trial (id)
);
INSERT INTO "sedn_epoch" VALUES(1,1,0.65,0.01,1.0,3.5,'2026-11-29 15:21:57.181966');
INSERT INTO "sedn_epoch" VALUES(1,2,0.7,0.01,0.5,3.5,'2026-11-29 15:21:57.187300');
INSERT INTO "sedn_epoch" VALUES(2,1,0.67,0.01,1.0,3.5,'2026-11-29 15:21:57.230848');
INSERT INTO "sedn_epoch" VALUES(2,2,0.72,0.01,0.5,3.5,'2026-11-29 15:21:57.233499');
INSERT INTO "sedn_epoch" VALUES(3,1,0.69,0.01,1.0,3.5,'2026-11-29 15:21:57.250602');
INSERT INTO "sedn_epoch" VALUES(3,2,0.74,0.01,0.5,3.5,'2026-11-29 15:21:57.252824');
CREATE TABLE sedn_experiment (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	created_at DATETIME NOT NULL, 
	data_path TEXT NOT NULL, 
	data_fingerprint VARCHAR(64) NOT NULL, 
	skipped_images INTEGER NOT NULL, 
	splits BLOB NOT NULL, 
	space_name TEXT NOT NULL, 
	space_yaml TEXT NOT NULL, 
	settings JSON NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "sedn_experiment" VALUES(1,'spring','2026-11-29 15:21:53.811710','digits-in-clutter','0123456789abcdef',2,X'1F8B0800000000000203CBCC4D4C4FD5292EC8C92CE14AD42BC84BD729294ACCCCE34A02B3CB12733253124B32F3F3B8922192A9C5255C00DEA87DC634000000','tiny','name: tiny
description: a small space
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 2
  batch_size: 64
axes:
  embedding.placement: {choice: [none, input, stage3]}
  optimizer.learning_rate: {float: [3.0e-3, 1.0e-2], log: true}
','{"data": "digits-in-clutter", "trials": 3, "epochs": null, "objective": ["auc"], "where": [], "sampler": "random", "sampler_options": {}, "scheduler": "none", "reduction_factor": 3, "grace_epochs": null, "brackets": null, "min_trials": null, "futility": true, "time_seconds": null, "gpu_hours": null, "plateau": null, "warm_start": null, "seed": 3, "skip_unreadable": false, "labels": null, "label_list": null, "separator": null, "image_column": null, "leave_out": [], "attributes": []}');
CREATE TABLE sedn_label (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	train_positives INTEGER NOT NULL, 
	train_known INTEGER NOT NULL, 
	validation_positives INTEGER NOT NULL, 
	validation_known INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (experiment_id, position), 
	FOREIGN KEY(experiment_id) REFERENCES sedn_experiment (id)
);
INSERT INTO "sedn_label" VALUES(1,1,0,'digit_0',20,120,15,110);
INSERT INTO "sedn_label" VALUES(2,1,1,'digit_1',21,120,16,110);
INSERT INTO "sedn_label" VALUES(3,1,2,'digit_2',22,120,17,110);
INSERT INTO "sedn_label" VALUES(4,1,3,'digit_3',23,120,18,110);
INSERT INTO "sedn_label" VALUES(5,1,4,'digit_4',24,120,19,110);
INSERT INTO "sedn_label" VALUES(6,1,5,'digit_5',25,120,20,110);
INSERT INTO "sedn_label" VALUES(7,1,6,'digit_6',26,120,21,110);
INSERT INTO "sedn_label" VALUES(8,1,7,'digit_7',27,120,22,110);
INSERT INTO "sedn_label" VALUES(9,1,8,'digit_8',28,120,23,110);
INSERT INTO "sedn_label" VALUES(10,1,9,'digit_9',29,120,24,110);
CREATE TABLE sedn_label_auc (
	trial_id INTEGER NOT NULL, 
	label_id INTEGER NOT NULL, 
	auc DOUBLE, 
	stderr DOUBLE, 
	PRIMARY KEY (trial_id, label_id), 
	FOREIGN KEY(trial_id) REFERENCES sedn_trial (id), 
	FOREIGN KEY(label_id) REFERENCES sedn_label (id)
);
INSERT INTO "sedn_label_auc" VALUES(1,1,0.7,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,2,0.69,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,3,0.68,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,4,0.67,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,5,0.66,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,6,0.65,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,7,0.64,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,8,0.63,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,9,0.62,0.02);
INSERT INTO "sedn_label_auc" VALUES(1,10,0.61,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,1,0.72,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,2,0.71,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,3,0.7,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,4,0.69,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,5,0.68,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,6,0.67,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,7,0.66,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,8,0.65,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,9,0.64,0.02);
INSERT INTO "sedn_label_auc" VALUES(2,10,0.63,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,1,0.74,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,2,0.73,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,3,0.72,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,4,0.71,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,5,0.7,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,6,0.69,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,7,0.68,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,8,0.67,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,9,0.66,0.02);
INSERT INTO "sedn_label_auc" VALUES(3,10,0.65,0.02);
CREATE TABLE sedn_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "sedn_schema" VALUES(4);
CREATE TABLE sedn_trial (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	params JSON NOT NULL, 
	config JSON NOT NULL, 
	config_hash VARCHAR(16) NOT NULL, 
	seed BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	duplicate_of INTEGER, 
	cause VARCHAR(16), 
	reason TEXT, 
	node TEXT, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	epochs INTEGER NOT NULL, 
	target_epochs INTEGER NOT NULL, 
	mean_auc DOUBLE, 
	mean_auc_stderr DOUBLE, 
	seconds DOUBLE NOT NULL, 
	costs JSON NOT NULL, 
	folder TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (experiment_id, number), 
	FOREIGN KEY(experiment_id) REFERENCES sedn_experiment (id)
);
INSERT INTO "sedn_trial" VALUES(1,1,0,'baseline','{"embedding.placement": "none", "optimizer.learning_rate": 0.005477225575051661}','{"data": {"path": "digits-in-clutter", "image_size": 32, "split_seed": 0, "skip_unreadable": false, "labels": null, "label_list": null, "separator": null, "image_column": null, "leave_out": [], "attributes": []}, "backbone": {"name": "test_resnet", "pretrained": false, "drop_path": 0.0}, "embedding": {"placement": "none", "fusion": "scale_shift", "width": 16}, "attention": {"kind": "none", "reduction_ratio": 16}, "semantic_map": {"source": "given", "segmenter": "", "auxiliary_weight": 1.0, "control": "none", "dropout": 0.0, "noise": 0.0}, "head": {"kind": "average"}, "loss": {"kind": "bce", "pos_weight": "none", "gamma": 2.0, "gamma_negative": 4.0, "clip": 0.05, "label_smoothing": 0.0}, "optimizer": {"name": "adamw", "learning_rate": 0.005477225575051661, "weight_decay": 0.01, "momentum": 0.9, "layer_decay": 1.0, "embedding_rate": 1.0, "head_rate": 1.0, "clip_norm": 0.0}, "schedule": {"kind": "one_cycle", "warmup": 0.25}, "augmentation": {"horizontal_flip": false, "shift": 0.0, "crop_scale": 1.0, "rotation": 0.0, "scale": 0.0, "shear": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, "policy": "none", "policy_ops": 2, "policy_magnitude": 9, "erasing": 0.0, "background_swap": 0.0, "mixup": 0.0, "cutmix": 0.0}, "epochs": 2, "batch_size": 64, "micro_batch_size": null, "ema_decay": 0.0, "compile": false, "threads": 1, "seed": 3}','828a8eea568aee0e',3,'COMPLETE',NULL,NULL,NULL,NULL,'2026-11-29 15:21:57.179652','2026-11-29 15:21:57.194312',2,2,0.7,0.01,7.0,'{"parameters": 412345, "images_per_second": 1234.5, "flops": 71234567, "latency_ms": 1.25, "latency_32_ms": 20.5, "peak_memory": 800000000, "micro_batch": 64}','runs/spring-7b0b273e/00000');
INSERT INTO "sedn_trial" VALUES(2,1,1,'sampled','{"embedding.placement": "stage3", "optimizer.learning_rate": 0.004023982965999835}','{"data": {"path": "digits-in-clutter", "image_size": 32, "split_seed": 0, "skip_unreadable": false, "labels": null, "label_list": null, "separator": null, "image_column": null, "leave_out": [], "attributes": []}, "backbone": {"name": "test_resnet", "pretrained": false, "drop_path": 0.0}, "embedding": {"placement": "stage3", "fusion": "scale_shift", "width": 16}, "attention": {"kind": "none", "reduction_ratio": 16}, "semantic_map": {"source": "given", "segmenter": "", "auxiliary_weight": 1.0, "control": "none", "dropout": 0.0, "noise": 0.0}, "head": {"kind": "average"}, "loss": {"kind": "bce", "pos_weight": "none", "gamma": 2.0, "gamma_negative": 4.0, "clip": 0.05, "label_smoothing": 0.0}, "optimizer": {"name": "adamw", "learning_rate": 0.004023982965999835, "weight_decay": 0.01, "momentum": 0.9, "layer_decay": 1.0, "embedding_rate": 1.0, "head_rate": 1.0, "clip_norm": 0.0}, "schedule": {"kind": "one_cycle", "warmup": 0.25}, "augmentation": {"horizontal_flip": false, "shift": 0.0, "crop_scale": 1.0, "rotation": 0.0, "scale": 0.0, "shear": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, "policy": "none", "policy_ops": 2, "policy_magnitude": 9, "erasing": 0.0, "background_swap": 0.0, "mixup": 0.0, "cutmix": 0.0}, "epochs": 2, "batch_size": 64, "micro_batch_size": null, "ema_decay": 0.0, "compile": false, "threads": 1, "seed": 3}','9a0ee1f7b5dcaf44',3,'COMPLETE',NULL,NULL,NULL,NULL,'2026-11-29 15:21:57.229739','2026-11-29 15:21:57.235804',2,2,0.72,0.01,7.0,'{"parameters": 412346, "images_per_second": 1234.5, "flops": 71234567, "latency_ms": 1.25, "latency_32_ms": 20.5, "peak_memory": 800000000, "micro_batch": 64}','runs/spring-7b0b273e/00001');
INSERT INTO "sedn_trial" VALUES(3,1,2,'sampled','{"embedding.placement": "input", "optimizer.learning_rate": 0.008405199773057433}','{"data": {"path": "digits-in-clutter", "image_size": 32, "split_seed": 0, "skip_unreadable": false, "labels": null, "label_list": null, "separator": null, "image_column": null, "leave_out": [], "attributes": []}, "backbone": {"name": "test_resnet", "pretrained": false, "drop_path": 0.0}, "embedding": {"placement": "input", "fusion": "scale_shift", "width": 16}, "attention": {"kind": "none", "reduction_ratio": 16}, "semantic_map": {"source": "given", "segmenter": "", "auxiliary_weight": 1.0, "control": "none", "dropout": 0.0, "noise": 0.0}, "head": {"kind": "average"}, "loss": {"kind": "bce", "pos_weight": "none", "gamma": 2.0, "gamma_negative": 4.0, "clip": 0.05, "label_smoothing": 0.0}, "optimizer": {"name": "adamw", "learning_rate": 0.008405199773057433, "weight_decay": 0.01, "momentum": 0.9, "layer_decay": 1.0, "embedding_rate": 1.0, "head_rate": 1.0, "clip_norm": 0.0}, "schedule": {"kind": "one_cycle", "warmup": 0.25}, "augmentation": {"horizontal_flip": false, "shift": 0.0, "crop_scale": 1.0, "rotation": 0.0, "scale": 0.0, "shear": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, "policy": "none", "policy_ops": 2, "policy_magnitude": 9, "erasing": 0.0, "background_swap": 0.0, "mixup": 0.0, "cutmix": 0.0}, "epochs": 2, "batch_size": 64, "micro_batch_size": null, "ema_decay": 0.0, "compile": false, "threads": 1, "seed": 3}','582a70eac3544148',3,'COMPLETE',NULL,NULL,NULL,NULL,'2026-11-29 15:21:57.249698','2026-11-29 15:21:57.254979',2,2,0.74,0.01,7.0,'{"parameters": 412347, "images_per_second": 1234.5, "flops": 71234567, "latency_ms": 1.25, "latency_32_ms": 20.5, "peak_memory": 800000000, "micro_batch": 64}','runs/spring-7b0b273e/00002');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'spring');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["mean AUC"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'space','"tiny"');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,1,0.65,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,2,0.7,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,2,1,0.67,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,2,0.72,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,3,1,0.69,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,3,2,0.74,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'embedding.placement',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "input", "stage3"]}}');
INSERT INTO "trial_params" VALUES(2,1,'optimizer.learning_rate',5.47722557505166129931e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.003, "high": 0.01, "log": true}}');
INSERT INTO "trial_params" VALUES(3,2,'embedding.placement',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "input", "stage3"]}}');
INSERT INTO "trial_params" VALUES(4,2,'optimizer.learning_rate',4.02398296599983541083e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.003, "high": 0.01, "log": true}}');
INSERT INTO "trial_params" VALUES(5,3,'embedding.placement',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "input", "stage3"]}}');
INSERT INTO "trial_params" VALUES(6,3,'optimizer.learning_rate',8.40519977305743265505e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.003, "high": 0.01, "log": true}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"embedding.placement": "none", "optimizer.learning_rate": 0.005477225575051661}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'role','"baseline"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,0.7,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,0.72,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,0.74,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 15:21:54.046011','2026-11-29 15:21:57.206251');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 15:21:57.222878','2026-11-29 15:21:57.240175');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 15:21:57.244609','2026-11-29 15:21:57.259051');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE INDEX ix_sedn_label_experiment_id ON sedn_label (experiment_id);
CREATE INDEX ix_sedn_trial_config_hash ON sedn_trial (config_hash);
CREATE INDEX ix_sedn_trial_experiment_id ON sedn_trial (experiment_id);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
