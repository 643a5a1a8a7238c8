"""Words that values are made of: names, places, hosts. Two of them, so that the held-out set has words of its own."""

from dataclasses import dataclass


def words(text: str) -> tuple[str, ...]:
    """A table written as one text."""
    return tuple(text.split())


@dataclass(frozen=True)
class Vocabulary:
    """What the providers draw from; all are invented or common, none belongs to somebody."""

    surnames: str
    compound: tuple[str, ...]
    given: str
    minority: tuple[str, ...]  # names with ·
    districts: tuple[tuple[str, str, str], ...]  # province, city (empty: none), district
    countryside: tuple[tuple[str, str, str, str, str], ...]  # province, city, county, town, village
    roads: tuple[str, ...]
    estates: tuple[str, ...]
    towers: tuple[str, ...]
    stops: tuple[str, ...]
    organisations: tuple[str, ...]
    pinyin: tuple[str, ...]
    nicknames: tuple[str, ...]
    mail_hosts: tuple[str, ...]
    work_hosts: tuple[str, ...]


DEVELOPMENT_WORDS = Vocabulary(
    surnames=(
        "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
        "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    ),
    compound=("欧阳", "司马", "上官", "诸葛", "慕容", "皇甫", "令狐", "东方", "尉迟", "夏侯", "端木", "司徒"),
    given=(
        "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玲红玉萍建国华文辉力志鹏飞宇浩然子涵梓轩欣怡佳琪思雨晨曦博睿俊凯婷雪梅琳倩颖"
        "慧莹珊琴云帆旭东海波斌毅健康永庆祥福瑞丹妮蕾洁薇媛蓉菲璐瑶彤诗语嘉豪泽恩哲翰昊天宁安乐晓春夏秋冬月星辰青松柏林森淼鑫焱"
    ),
    minority=(
        "买买提·艾力", "古丽娜尔·吐尔逊", "阿卜杜热合曼·玉苏甫", "迪丽努尔·艾合买提", "巴特尔·孟和", "扎西·顿珠", "阿依古丽·卡德尔", "努尔兰·哈力克",
    ),
    districts=(
        ("北京市", "", "朝阳区"), ("北京市", "", "海淀区"), ("上海市", "", "浦东新区"), ("上海市", "", "徐汇区"), ("天津市", "", "南开区"), ("重庆市", "", "渝北区"),
        ("广东省", "广州市", "天河区"), ("广东省", "深圳市", "宝安区"), ("广东省", "佛山市", "顺德区"), ("浙江省", "杭州市", "余杭区"), ("浙江省", "宁波市", "鄞州区"),
        ("江苏省", "南京市", "鼓楼区"), ("江苏省", "苏州市", "昆山市"), ("山东省", "青岛市", "市南区"), ("山东省", "济南市", "历下区"), ("河南省", "郑州市", "金水区"),
        ("湖北省", "武汉市", "洪山区"), ("湖南省", "长沙市", "岳麓区"), ("四川省", "成都市", "武侯区"), ("陕西省", "西安市", "雁塔区"), ("福建省", "厦门市", "思明区"),
        ("安徽省", "合肥市", "蜀山区"), ("辽宁省", "沈阳市", "和平区"), ("黑龙江省", "哈尔滨市", "南岗区"), ("河北省", "石家庄市", "裕华区"), ("江西省", "南昌市", "红谷滩区"),
        ("云南省", "昆明市", "五华区"), ("贵州省", "贵阳市", "观山湖区"), ("广西壮族自治区", "南宁市", "青秀区"), ("新疆维吾尔自治区", "乌鲁木齐市", "天山区"),
        ("内蒙古自治区", "呼和浩特市", "赛罕区"), ("甘肃省", "兰州市", "城关区"), ("海南省", "海口市", "龙华区"), ("山西省", "太原市", "小店区"),
    ),
    countryside=(
        ("河南省", "周口市", "太康县", "马头镇", "李庄村"), ("四川省", "南充市", "仪陇县", "新政镇", "石桥村"), ("安徽省", "阜阳市", "临泉县", "杨桥镇", "刘寨村"),
        ("贵州省", "毕节市", "大方县", "羊场镇", "穿岩村"), ("湖南省", "邵阳市", "隆回县", "滩头镇", "塘市村"), ("山东省", "菏泽市", "曹县", "青堌集镇", "王楼村"),
        ("江西省", "赣州市", "于都县", "罗坳镇", "大桥村"), ("甘肃省", "定西市", "通渭县", "马营镇", "华川村"), ("广东省", "茂名市", "化州市", "同庆镇", "新村"),
    ),
    roads=words(
        "建设路 中山北路 人民西路 解放大道 长江路 文三路 桂花街 学府路 望京西路 科技南路 和平东街 凤凰大道 云锦路 银杏街 滨河东路 文昌街"
    ),
    estates=words(
        "阳光花园 翠湖小区 金色家园 万科城市花园 锦绣江南 幸福里小区 碧水湾 龙湖香醍 恒大绿洲 东方明珠花园 梧桐苑 和谐家园 融创御园"
    ),
    towers=words("创新大厦 国际商务中心 环球金融大厦 软件园 科技大厦"),
    stops=words(
        "望京西站 国贸 中关村 人民广场 徐家汇 陆家嘴 天府广场 珠江新城 体育西路 火车东站 武林广场 五道口 虹桥机场 万达广场 市第一医院 大学城"
    ),
    organisations=("华信科技有限公司", "市第二中学", "云帆物流股份有限公司", "鼎盛商贸有限责任公司", "绿洲物业服务中心"),
    pinyin=words(
        "wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo wei fang na min jing qiang lei jun jie tao ming chao xia ping gang hao yu xin jia rui kai ting xue mei lan hong"
    ),
    nicknames=words("sunny happy blue cat rain moon star tiger coco momo lucky dream snow wind fish panda mango"),
    mail_hosts=words(
        "qq.com 163.com 126.com gmail.com outlook.com foxmail.com sina.com yeah.net hotmail.com 139.com aliyun.com sohu.com icloud.com"
    ),
    work_hosts=words(
        "huaxin-tech.com.cn mail.tsinghua.edu.cn zju.edu.cn yunfan.cn lvzhou.net bjhospital.org.cn dingsheng.com jk-logistics.com.cn"
    ),
)  # fmt: skip

HELD_OUT_WORDS = Vocabulary(
    surnames=(
        "王李张刘陈杨邢樊霍庞殷聂庄翟柯辛管祝左涂谷祁时舒耿牟卜詹关兰缪岳齐葛甘盛童边裴欧游阮温柴焦巩解鲍费纪翁尚季麦冼区骆蒲亓"
    ),
    compound=("公孙", "长孙", "宇文", "申屠", "钟离", "轩辕", "南宫", "闻人"),
    given=(
        "昕妍芷若萱淑芬兰凤珍珠爱菊素贞德贵富根生长顺友才金宝银锁彦均铭逸尘煜祺楷臻屹岩峻峰洲澄泓沛澜漪晗昀暄晟曜炜烨灿焕启铮钧锐锋镇琦瑾瑜璇珂玥莉萌蓓芸苒芮茜菡"
        "蕴川达迪冬传守仁义礼智信耀宗继业维翠花巧云香莲桃杏"
    ),
    minority=(
        "艾尔肯·买买提明", "热依拉·阿不都", "玛依拉·沙吾提", "才让·多吉", "乌兰·其其格", "木合塔尔·伊明", "卓玛·央金", "叶尔江·哈布力",
    ),
    districts=(
        ("北京市", "", "丰台区"), ("北京市", "", "石景山区"), ("上海市", "", "杨浦区"), ("上海市", "", "闵行区"), ("天津市", "", "河东区"), ("重庆市", "", "沙坪坝区"),
        ("广东省", "珠海市", "香洲区"), ("广东省", "惠州市", "惠城区"), ("广东省", "汕头市", "龙湖区"), ("浙江省", "温州市", "鹿城区"), ("浙江省", "嘉兴市", "南湖区"),
        ("江苏省", "无锡市", "梁溪区"), ("江苏省", "徐州市", "泉山区"), ("江苏省", "南通市", "崇川区"), ("山东省", "烟台市", "芝罘区"), ("山东省", "潍坊市", "奎文区"),
        ("河南省", "洛阳市", "涧西区"), ("湖北省", "宜昌市", "西陵区"), ("湖南省", "株洲市", "天元区"), ("四川省", "绵阳市", "涪城区"), ("陕西省", "咸阳市", "秦都区"),
        ("福建省", "泉州市", "丰泽区"), ("安徽省", "芜湖市", "镜湖区"), ("辽宁省", "大连市", "沙河口区"), ("吉林省", "长春市", "南关区"), ("黑龙江省", "大庆市", "萨尔图区"),
        ("河北省", "唐山市", "路北区"), ("江西省", "九江市", "浔阳区"), ("云南省", "曲靖市", "麒麟区"), ("贵州省", "遵义市", "汇川区"), ("广西壮族自治区", "柳州市", "城中区"),
        ("宁夏回族自治区", "银川市", "兴庆区"), ("青海省", "西宁市", "城西区"), ("山西省", "大同市", "平城区"), ("海南省", "三亚市", "吉阳区"),
    ),
    countryside=(
        ("河南省", "驻马店市", "汝南县", "罗店镇", "前岗村"), ("四川省", "达州市", "渠县", "临巴镇", "凉桥村"), ("安徽省", "宿州市", "灵璧县", "尤集镇", "沈圩村"),
        ("云南省", "昭通市", "镇雄县", "坡头镇", "大水井村"), ("湖北省", "黄冈市", "蕲春县", "彭思镇", "墩上村"), ("河北省", "邢台市", "巨鹿县", "西郭城镇", "柳洼村"),
        ("陕西省", "渭南市", "蒲城县", "荆姚镇", "甜水村"), ("广西壮族自治区", "玉林市", "博白县", "龙潭镇", "白树村"), ("山西省", "吕梁市", "临县", "碛口镇", "西湾村"),
    ),
    roads=words(
        "迎宾大道 光明路 胜利北路 友谊街 朝阳南路 工农路 青年大街 古城西路 兴业路 湖滨南路 永安街 健康东路 仁和街 丰收路 北环路 龙泉路 双塔西街 健民巷"
    ),
    estates=words(
        "紫荆苑 书香门第 水岸名邸 天和家园 兰亭雅居 保利香槟花园 城南新村 祥和苑 丽景湾 橡树湾小区 御景华府 中海国际社区 锦绣花城 枫林绿洲"
    ),
    towers=words("财富大厦 金茂中心 时代广场 银泰大厦 高新产业园 嘉里中心"),
    stops=words(
        "西直门 三里屯 静安寺 五角场 春熙路 太古里 大雁塔 钟楼 江汉路 光谷 五一广场 橘子洲 客村 宝安中心 会展中心 汽车南站 人民医院 市图书馆 师范大学东门"
    ),
    organisations=(
        "远景精密机械有限公司", "市实验小学", "江南春餐饮管理有限公司", "盛世联合传媒股份有限公司", "同济堂大药房连锁有限公司", "安居物业管理有限公司", "北斗软件技术有限公司",
    ),
    pinyin=words(
        "feng deng cao peng zeng xiao tian dong pan yuan cai jiang hui du ye cheng sen lv ding ren shen yao lu fu zhong cui tan liao fan jin shi bai meng xiu ying qian ning shan bo kun zhen yun xuan yi zi"
    ),
    nicknames=words("summer coffee lemon cloud river apple forest bear rabbit sugar mint ocean peach maple candy pepper"),
    mail_hosts=words(
        "qq.com 163.com vip.163.com 189.cn wo.cn tom.com 21cn.com live.cn msn.com vip.qq.com sina.cn vip.sina.com proton.me yahoo.com 188.com"
    ),
    work_hosts=words(
        "yuanjing-jm.com sysu.edu.cn mail.hust.edu.cn beidousoft.cn anju-wy.com.cn jncfood.net ssmedia.com.cn tjt-pharm.com xz.gov.cn cloudfox.tech devhub.io"
    ),
)  # fmt: skip
