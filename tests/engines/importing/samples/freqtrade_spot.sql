BEGIN TRANSACTION;
CREATE TABLE "KeyValueStore" (
	id INTEGER NOT NULL, 
	"key" VARCHAR(50) NOT NULL, 
	value_type VARCHAR(20) NOT NULL, 
	string_value VARCHAR(255), 
	datetime_value DATETIME, 
	float_value DOUBLE, 
	int_value INTEGER, 
	PRIMARY KEY (id)
);
CREATE TABLE orders (
	id INTEGER NOT NULL, 
	ft_trade_id INTEGER NOT NULL, 
	ft_order_side VARCHAR(25) NOT NULL, 
	ft_pair VARCHAR(25) NOT NULL, 
	ft_is_open BOOLEAN NOT NULL, 
	ft_amount FLOAT NOT NULL, 
	ft_price FLOAT NOT NULL, 
	ft_cancel_reason VARCHAR(255), 
	order_id VARCHAR(255) NOT NULL, 
	status VARCHAR(255), 
	symbol VARCHAR(25), 
	order_type VARCHAR(50), 
	side VARCHAR(25), 
	price FLOAT, 
	average FLOAT, 
	amount FLOAT, 
	filled FLOAT, 
	remaining FLOAT, 
	cost FLOAT, 
	stop_price FLOAT, 
	order_date DATETIME, 
	order_filled_date DATETIME, 
	order_update_date DATETIME, 
	funding_fee FLOAT, 
	ft_fee_base FLOAT, 
	ft_order_tag VARCHAR(255), 
	PRIMARY KEY (id), 
	CONSTRAINT _order_pair_order_id UNIQUE (ft_pair, order_id), 
	FOREIGN KEY(ft_trade_id) REFERENCES trades (id)
);
INSERT INTO "orders" VALUES(1,1,'buy','BTC/USDT',0,0.01,40000.5,NULL,'dry_0_0','closed','BTC/USDT','limit','buy',40000.5,40000.5,0.01,0.01,0.0,400.005,NULL,'2024-01-01 00:00:00.000000','2024-01-01 00:01:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(2,1,'sell','BTC/USDT',0,0.01,41000.0,NULL,'dry_0_1','closed','BTC/USDT','limit','sell',41000.0,41000.0,0.01,0.01,0.0,410.0,NULL,'2024-01-01 00:01:00.000000','2024-01-01 00:02:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(3,2,'buy','ETH/USDT',0,0.2,2000.0,NULL,'dry_1_0','closed','ETH/USDT','limit','buy',2000.0,2000.0,0.2,0.2,0.0,400.0,NULL,'2024-01-01 01:00:00.000000','2024-01-01 01:01:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(4,2,'buy','ETH/USDT',0,0.3,1900.0,NULL,'dry_1_1','closed','ETH/USDT','limit','buy',1900.0,1900.0,0.3,0.3,0.0,570.0,NULL,'2024-01-01 01:01:00.000000','2024-01-01 01:02:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(5,2,'sell','ETH/USDT',0,0.5,2050.0,NULL,'dry_1_2','closed','ETH/USDT','limit','sell',2050.0,2050.0,0.5,0.5,0.0,1025.0,NULL,'2024-01-01 01:02:00.000000','2024-01-01 01:03:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(6,3,'buy','SOL/USDT',0,10.0,50.0,NULL,'dry_2_0','closed','SOL/USDT','limit','buy',50.0,50.0,10.0,10.0,0.0,500.0,NULL,'2024-01-01 02:00:00.000000','2024-01-01 02:01:00.000000',NULL,NULL,0.01,NULL);
INSERT INTO "orders" VALUES(7,3,'sell','SOL/USDT',0,9.99,55.0,NULL,'dry_2_1','closed','SOL/USDT','limit','sell',55.0,55.0,9.99,9.99,0.0,549.45,NULL,'2024-01-01 02:01:00.000000','2024-01-01 02:02:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(8,4,'buy','ADA/USDT',0,100.0,0.5,NULL,'dry_3_0','closed','ADA/USDT','limit','buy',0.5,0.5,100.0,100.0,0.0,50.0,NULL,'2024-01-01 03:00:00.000000','2024-01-01 03:01:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(9,4,'sell','ADA/USDT',0,100.0,0.4,NULL,'dry_3_1','closed','ADA/USDT','limit','sell',0.4,0.4,100.0,100.0,0.0,40.0,NULL,'2024-01-01 03:01:00.000000','2024-01-01 03:02:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(10,5,'buy','XRP/USDT',0,50.0,0.6,NULL,'dry_4_0','closed','XRP/USDT','limit','buy',0.6,0.6,50.0,50.0,0.0,30.0,NULL,'2024-01-01 04:00:00.000000','2024-01-01 04:01:00.000000',NULL,NULL,NULL,NULL);
CREATE TABLE pairlocks (
	id INTEGER NOT NULL, 
	pair VARCHAR(25) NOT NULL, 
	side VARCHAR(25) NOT NULL, 
	reason VARCHAR(255), 
	lock_time DATETIME NOT NULL, 
	lock_end_time DATETIME NOT NULL, 
	active BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE trade_custom_data (
	id INTEGER NOT NULL, 
	ft_trade_id INTEGER, 
	cd_key VARCHAR(255) NOT NULL, 
	cd_type VARCHAR(25) NOT NULL, 
	cd_value TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	CONSTRAINT _trade_id_cd_key UNIQUE (ft_trade_id, cd_key), 
	FOREIGN KEY(ft_trade_id) REFERENCES trades (id)
);
CREATE TABLE trades (
	id INTEGER NOT NULL, 
	exchange VARCHAR(25) NOT NULL, 
	pair VARCHAR(25) NOT NULL, 
	base_currency VARCHAR(25), 
	stake_currency VARCHAR(25), 
	is_open BOOLEAN NOT NULL, 
	fee_open FLOAT NOT NULL, 
	fee_open_cost FLOAT, 
	fee_open_currency VARCHAR(25), 
	fee_close FLOAT NOT NULL, 
	fee_close_cost FLOAT, 
	fee_close_currency VARCHAR(25), 
	open_rate FLOAT NOT NULL, 
	open_rate_requested FLOAT, 
	open_trade_value FLOAT, 
	close_rate FLOAT, 
	close_rate_requested FLOAT, 
	realized_profit FLOAT, 
	close_profit FLOAT, 
	close_profit_abs FLOAT, 
	stake_amount FLOAT NOT NULL, 
	max_stake_amount FLOAT, 
	amount FLOAT NOT NULL, 
	amount_requested FLOAT, 
	open_date DATETIME NOT NULL, 
	close_date DATETIME, 
	stop_loss FLOAT, 
	stop_loss_pct FLOAT, 
	initial_stop_loss FLOAT, 
	initial_stop_loss_pct FLOAT, 
	is_stop_loss_trailing BOOLEAN NOT NULL, 
	max_rate FLOAT, 
	min_rate FLOAT, 
	exit_reason VARCHAR(255), 
	exit_order_status VARCHAR(100), 
	strategy VARCHAR(100), 
	enter_tag VARCHAR(255), 
	timeframe INTEGER, 
	trading_mode VARCHAR(7), 
	amount_precision FLOAT, 
	price_precision FLOAT, 
	precision_mode INTEGER, 
	precision_mode_price INTEGER, 
	contract_size FLOAT, 
	leverage FLOAT, 
	is_short BOOLEAN NOT NULL, 
	liquidation_price FLOAT, 
	interest_rate FLOAT NOT NULL, 
	funding_fees FLOAT, 
	funding_fee_running FLOAT, 
	record_version INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "trades" VALUES(1,'binance','BTC/USDT','BTC','USDT',0,0.001,NULL,'USDT',0.001,NULL,'USDT',40000.5,NULL,400.405005,41000.0,NULL,9.184995,2.29392612112828131465e-02,9.184995,100.0,400.005,0.01,0.01,'2024-01-01 00:00:00.000000','2024-01-01 01:00:00.000000',3.60004500000000043653e+04,-0.1,3.60004500000000043653e+04,-0.1,0,0.0,NULL,'roi','closed','Made','tag1',5,'SPOT',NULL,NULL,NULL,NULL,NULL,1.0,0,NULL,0.0,0.0,NULL,2);
INSERT INTO "trades" VALUES(2,'binance','ETH/USDT','ETH','USDT',0,0.001,NULL,'USDT',0.001,NULL,'USDT',2000.0,NULL,400.4,2050.0,NULL,53.005,5.45897401567504644837e-02,53.005,100.0,970.0,0.2,0.2,'2024-01-01 01:00:00.000000','2024-01-01 02:00:00.000000',1800.0,-0.1,1800.0,-0.1,0,0.0,NULL,'roi','closed','Made','tag1',5,'SPOT',NULL,NULL,NULL,NULL,NULL,1.0,0,NULL,0.0,0.0,NULL,2);
INSERT INTO "trades" VALUES(3,'binance','SOL/USDT','SOL','USDT',0,0.001,NULL,'SOL',0.001,NULL,'USDT',50.0,NULL,500.5,55.0,NULL,48.90105,0.0978021978021978,48.90105,100.0,499.5,10.0,10.0,'2024-01-01 02:00:00.000000','2024-01-01 03:00:00.000000',45.0,-0.1,45.0,-0.1,0,0.0,NULL,'roi','closed','Made','tag1',5,'SPOT',NULL,NULL,NULL,NULL,NULL,1.0,0,NULL,0.0,0.0,NULL,2);
INSERT INTO "trades" VALUES(4,'binance','ADA/USDT','ADA','USDT',0,0.001,NULL,'USDT',0.001,NULL,'USDT',0.5,NULL,50.05,0.4,NULL,-10.09,-2.01598401598401616441e-01,-10.09,100.0,50.0,100.0,100.0,'2024-01-01 03:00:00.000000','2024-01-01 04:00:00.000000',0.45,-0.1,0.45,-0.1,0,0.0,NULL,'roi','closed','Made','tag1',5,'SPOT',NULL,NULL,NULL,NULL,NULL,1.0,0,NULL,0.0,0.0,NULL,2);
INSERT INTO "trades" VALUES(5,'binance','XRP/USDT','XRP','USDT',1,0.001,0.03,'USDT',0.001,NULL,'USDT',0.6,NULL,30.03,NULL,NULL,0.0,NULL,NULL,30.0,30.0,50.0,50.0,'2024-01-01 04:00:00.000000',NULL,0.54,-0.1,0.54,-0.1,0,0.0,NULL,NULL,NULL,'Made','tag1',5,'SPOT',NULL,NULL,NULL,NULL,NULL,1.0,0,NULL,0.0,0.0,NULL,2);
CREATE TABLE wallet_history (
	id INTEGER NOT NULL, 
	timestamp DATETIME NOT NULL, 
	currency VARCHAR(25) NOT NULL, 
	rate FLOAT, 
	quote_currency VARCHAR(25) NOT NULL, 
	balance FLOAT NOT NULL, 
	total_quote FLOAT, 
	total_position_value FLOAT, 
	collateral FLOAT, 
	leverage FLOAT NOT NULL, 
	bot_managed BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT unique_wallet_daily UNIQUE (timestamp, currency)
);
INSERT INTO "wallet_history" VALUES(1,'2024-01-01 00:00:00.000000','USDT',1.0,'USDT',1000.0,1000.0,NULL,NULL,1.0,1);
INSERT INTO "wallet_history" VALUES(2,'2024-01-02 00:00:00.000000','USDT',1.0,'USDT',1010.0,1010.0,NULL,NULL,1.0,1);
INSERT INTO "wallet_history" VALUES(3,'2024-01-02 00:00:00.000000','XRP',0.6,'USDT',50.0,30.0,NULL,NULL,1.0,1);
CREATE INDEX "ix_KeyValueStore_key" ON "KeyValueStore" ("key");
CREATE INDEX ix_trades_is_open ON trades (is_open);
CREATE INDEX ix_trades_pair ON trades (pair);
CREATE INDEX ix_pairlocks_lock_end_time ON pairlocks (lock_end_time);
CREATE INDEX ix_pairlocks_pair ON pairlocks (pair);
CREATE INDEX ix_pairlocks_active ON pairlocks (active);
CREATE INDEX ix_wallet_history_timestamp ON wallet_history (timestamp);
CREATE INDEX ix_trade_custom_data_ft_trade_id ON trade_custom_data (ft_trade_id);
CREATE INDEX ix_orders_ft_is_open ON orders (ft_is_open);
CREATE INDEX ix_orders_order_id ON orders (order_id);
CREATE INDEX ix_orders_ft_trade_id ON orders (ft_trade_id);
COMMIT;
